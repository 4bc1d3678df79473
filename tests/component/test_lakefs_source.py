"""Data in a lakeFS repository, read by its own client from a server that speaks its protocol."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from typing_extensions import override

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.data import DataSource
from leadsman_training.data import Table, load
from leadsman_training.errors import NoUse

FIRST, SECOND = b"age,plan\n31,a\n45,b\n", b"age,plan\n31,a\n45,b\n27,a\n"
KEY, WORD = "AKIA1", "word"


class LakeFs(BaseHTTPRequestHandler):
    """Two commits of one file, by the API of lakeFS.

    https://docs.lakefs.io/reference/api/
    """

    revisions: Mapping[str, str] = {"main": "c2", "v1": "c1", "c1": "c1", "c2": "c2"}
    files: Mapping[tuple[str, str], bytes] = {
        ("c1", "train/rows.csv"): FIRST,
        ("c2", "train/rows.csv"): SECOND,
    }

    def do_GET(self) -> None:
        """A commit, or an object of one."""
        address = urlsplit(self.path)
        known = f"Basic {base64.b64encode(f'{KEY}:{WORD}'.encode()).decode()}"
        if self.headers["Authorization"] != known:
            return self._json(401, {"message": "error authenticating request"})
        match address.path.removeprefix("/api/v1/repositories/").split("/"):
            case ["data", "commits", revision] if revision in self.revisions:
                commit = {"id": self.revisions[revision], "parents": [], "committer": "ada",
                          "message": "rows", "creation_date": 1, "meta_range_id": "m"}  # fmt: skip
                return self._json(200, commit)
            case ["data", "refs", commit, "objects"]:
                found = self.files.get((commit, parse_qs(address.query)["path"][0]))
                if found is not None:
                    return self._answer(200, found, "application/octet-stream")
            case _:
                pass
        return self._json(404, {"message": "not found"})

    def _json(self, status: int, content: object) -> None:
        self._answer(status, json.dumps(content).encode(), "application/json")

    def _answer(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def _server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A server, and the variables that a Secret would bring."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), LakeFs)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name, value in (
        ("LAKECTL_SERVER_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}"),
        ("LAKECTL_CREDENTIALS_ACCESS_KEY_ID", KEY),
        ("LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY", WORD),
        ("LAKECTL_CONFIG_FILE", str(tmp_path / "none.yaml")),
    ):
        monkeypatch.setenv(name, value)
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def the_table(uri: str) -> Table:
    """What is read from an address."""
    return load(DataSource.model_validate({"uri": uri}), Path())


@pytest.mark.parametrize(
    ("revision", "commit", "content"),
    [
        pytest.param("main", "c2", SECOND, id="a branch"),
        pytest.param("v1", "c1", FIRST, id="a tag"),
        pytest.param("c1", "c1", FIRST, id="a commit"),
    ],
)
def test_a_revision_is_resolved_to_its_commit(revision: str, commit: str, content: bytes) -> None:
    """What was a branch stays known after it has moved."""
    table = the_table(f"lakefs://data/{revision}/train/rows.csv")

    assert table.revision == commit
    assert table.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        pytest.param("lakefs://other/main/rows.csv", "there is no repository other", id="where"),
        pytest.param("lakefs://data/next/rows.csv", "with a revision 'next'", id="revision"),
        pytest.param("lakefs://data/main/a.csv", "no a.csv in commit c2", id="file"),
        pytest.param("lakefs://data/main", "lakefs://repository/revision/path", id="path"),
    ],
)
def test_what_is_not_there_is_named(uri: str, message: str) -> None:
    """By its own name, so that it can be mended."""
    with pytest.raises(NoUse) as refused:
        the_table(uri)

    assert refused.value.reason is Reason.DATA_UNREADABLE
    assert message in refused.value.message


def test_missing_and_wrong_credentials_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the Secret that brings them, and never with their value."""
    monkeypatch.setenv("LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY", "wrong-word")
    with pytest.raises(NoUse) as refused:
        the_table("lakefs://data/main/train/rows.csv")
    assert "error authenticating request" in refused.value.message
    assert "wrong-word" not in refused.value.message
    for name in ("LAKECTL_SERVER_ENDPOINT_URL", "LAKECTL_CREDENTIALS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name)
    with pytest.raises(NoUse) as refused:
        the_table("lakefs://data/main/train/rows.csv")
    assert "spec.data.source.secretRef" in refused.value.message
