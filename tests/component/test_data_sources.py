"""Data that lies elsewhere: a Git repository with DVC, and the stores that fsspec knows."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from dvc.repo import Repo as DvcRepo
from typing_extensions import override

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.data import DataSource
from leadsman_training.data import Table, load
from leadsman_training.errors import NoUse
from support.data_repository import Repository, make_repository
from support.git_server import PASSWORD, USER, certificate, file_server, git_server
from support.repository import ROOT

# DVC's libraries warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
FIRST, SECOND = b"age,plan\n31,a\n45,b\n", b"age,plan\n31,a\n45,b\n27,a\n"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """Two revisions of the same file; what the third adds is not in the remote."""
    base = tmp_path_factory.mktemp("dvc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_SITE_CACHE_DIR", str(base / "site"))
        made = make_repository(base, {"v1": FIRST, "v2": SECOND})
        (made.folder / "days").mkdir()
        with DvcRepo(str(made.folder)) as dvc:
            for name in ("monday.csv", "tuesday.csv"):
                (made.folder / "days" / name).write_bytes(FIRST + name.encode())
            (made.folder / "late.csv").write_bytes(b"age,plan\n50,b\n")
            dvc.add([str(made.folder / "days"), str(made.folder / "late.csv")])
            made.commit("v3")
        yield made


def the_table(uri: str) -> Table:
    """What is read from an address."""
    return load(DataSource.model_validate({"uri": uri}), Path())


def why_not(uri: str) -> str:
    """Why an address can't be read."""
    with pytest.raises(NoUse) as refused:
        the_table(uri)
    assert refused.value.reason is Reason.DATA_UNREADABLE
    return refused.value.message


def test_each_revision_has_its_own_digest_and_commit(repository: Repository) -> None:
    """A new revision is other data, whatever name it was asked for by."""
    first, second = the_table(repository.uri("v1")), the_table(repository.uri("v2"))

    assert (len(first.frame), len(second.frame)) == (2, 3)
    assert first.digest == f"sha256:{hashlib.sha256(FIRST).hexdigest()}"
    assert second.digest == f"sha256:{hashlib.sha256(SECOND).hexdigest()}"
    assert first.revision == repository.git("rev-parse", "v1")
    assert second.revision == repository.git("rev-parse", "v2")


def test_a_branch_is_resolved_to_its_commit(repository: Repository) -> None:
    """What is recorded stays the same when the branch moves on."""
    table = the_table(repository.uri("main"))

    assert table.revision == repository.git("rev-parse", "main")
    assert the_table(repository.uri(table.revision)).digest == table.digest


def test_a_file_of_a_tracked_folder_is_read_by_its_path(repository: Repository) -> None:
    """The folder itself is no table, and says what is in it."""
    assert len(the_table(repository.uri("main", "days/monday.csv")).frame) == 3
    assert why_not(repository.uri("main", "days")).endswith(
        "days is a folder: write one of its files: monday.csv, tuesday.csv"
    )


@pytest.mark.parametrize(
    ("revision", "path", "words"),
    [
        pytest.param(
            "v9", "rows.csv",
            "has no revision 'v9': write a commit, a tag or a branch of it after the @",
            id="revision",
        ),
        pytest.param(
            "v1", "row.csv", "has no row.csv; there is .gitignore, rows.csv", id="path"
        ),
        pytest.param("v1", "days/a.csv", "has no days/a.csv; there is nothing", id="folder"),
    ],
)  # fmt: skip
def test_what_the_repository_lacks_is_named(
    repository: Repository, revision: str, path: str, words: str
) -> None:
    """With what to write instead."""
    message = why_not(repository.uri(revision, path))

    assert message.startswith(f"{repository.uri(revision, path)}: ")
    assert words in message


@pytest.mark.parametrize("path", ["late.csv", "days/monday.csv"])
def test_content_that_was_never_pushed_says_so(
    repository: Repository, tmp_path: Path, path: str
) -> None:
    """Git knows the file, and nobody else has it."""
    repository.git("clone", ".", str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")

    assert the_table(clone.uri("v2")).digest == the_table(repository.uri("v2")).digest
    assert "`dvc push` brings it to the remote" in why_not(clone.uri("main", path))


def test_no_repository_says_how_a_private_one_is_opened(tmp_path: Path) -> None:
    """Whether the address is wrong or the credentials are missing can't be told apart."""
    message = why_not(Repository(tmp_path / "nowhere").uri("main"))

    assert f"the repository {tmp_path}/nowhere can't be cloned" in message
    assert "GIT_USERNAME" in message


@pytest.fixture
def private(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The address of the repository on a server that asks for a password."""
    file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with git_server(repository.folder.parent, file) as host:
        yield f"dvc+https://{host}/repository/.git"


def test_a_private_repository_is_opened_by_the_secret(
    repository: Repository, private: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its variables are in the environment; no message tells them."""
    assert "No valid credentials provided" in why_not(f"{private}@v1:rows.csv")

    monkeypatch.setenv("GIT_USERNAME", USER)
    monkeypatch.setenv("GIT_PASSWORD", PASSWORD)
    commit = repository.git("rev-parse", "v1")
    for revision in (commit, "v1"):  # a commit alone is cloned another way than a tag
        table = the_table(f"{private}@{revision}:rows.csv")
        assert table.revision == commit
        assert table.digest == f"sha256:{hashlib.sha256(FIRST).hexdigest()}"
    for missing in (f"{private}@v9:rows.csv", f"{private}@main:late.csv"):
        assert "p%40ss" not in why_not(missing)


def test_a_commit_is_read_from_a_server_that_only_gives_files(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a branch is: pods read the commit that the search began with."""
    file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    repository.git("clone", "--bare", ".", str(tmp_path / "bare.git"))
    subprocess.run(["git", "update-server-info"], cwd=tmp_path / "bare.git", check=True)
    commit = repository.git("rev-parse", "v1")
    with file_server(tmp_path, file) as host:
        tables = [
            the_table(f"dvc+https://{host}/bare.git@{revision}:rows.csv")
            for revision in (commit, "v2")
        ]
        message = why_not(f"dvc+https://{host}/bare.git@{'0' * 40}:rows.csv")
    assert [table.digest for table in tables] == [
        f"sha256:{hashlib.sha256(content).hexdigest()}" for content in (FIRST, SECOND)
    ]
    assert tables[0].revision == commit
    assert "has no revision '000" in message


@pytest.mark.parametrize(
    ("module", "uri", "extra"),
    [
        ("dvc.api", "dvc+https://example.org/data@v1:rows.csv", "dvc"),
        ("fsspec.core", "gs://lake/rows.csv", "gs"),
        ("fsspec.core", "az://lake/rows.csv", "az"),
    ],
)
def test_an_image_without_the_library_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, uri: str, extra: str
) -> None:
    """An image of one's own need not carry them all."""
    monkeypatch.setitem(sys.modules, module, None)

    assert f"install leadsman-training[{extra}]" in why_not(uri)
    project = tomllib.loads((ROOT / "training-jobs/pyproject.toml").read_text())["project"]
    assert extra in project["optional-dependencies"]


class _Objects(BaseHTTPRequestHandler):
    """Objects by their path, as Google's and Azure's stores give them."""

    objects: Mapping[str, bytes] = {}

    def do_GET(self) -> None:
        """Give an object, or say that there is none."""
        content = self.objects.get(self.path.partition("?")[0])
        if content is None:
            self.send_response(404)
            self.send_header("x-ms-error-code", "BlobNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if "x-ms-range" in self.headers else 200)
        self.send_header("Content-Range", f"bytes 0-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A web server's address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Google(_Objects):
    objects: Mapping[str, bytes] = {"/download/storage/v1/b/lake/o/daily%2Frows.csv": SECOND}


class _Azure(_Objects):
    objects: Mapping[str, bytes] = {"/account/lake/daily/rows.csv": SECOND}


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both stores, with what opens them in the environment."""
    with served(_Google) as google, served(_Azure) as azure:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", google)
        monkeypatch.setenv(
            "AZURE_STORAGE_CONNECTION_STRING",
            "DefaultEndpointsProtocol=http;AccountName=account;AccountKey=a2V5;"
            f"BlobEndpoint={azure}/account;",
        )
        yield


@pytest.mark.usefixtures("stores")
@pytest.mark.parametrize("scheme", ["gs", "az"])
def test_an_object_is_read_with_the_credentials_of_the_environment(scheme: str) -> None:
    """Its digest is that of the same bytes anywhere else."""
    table = the_table(f"{scheme}://lake/daily/rows.csv")

    assert table.digest == f"sha256:{hashlib.sha256(SECOND).hexdigest()}"
    assert table.revision is None
    missing = f"{scheme}://lake/none.csv"
    assert why_not(missing) == f"{missing}: there is no such object"
