"""Files that a Git repository tracks with DVC, at one of its revisions.

DVC's own library reads them: from the repository itself, from DVC's cache, or from the remote that
the repository names.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from leadsman_api.reasons import Reason
from leadsman_training.errors import NoUse, not_installed

if TYPE_CHECKING:
    from dvc.api import DVCFileSystem

_MOST_NAMED = 12
_SHORT = 12
_PUSH = "where it was made, `dvc push` brings it to the remote"


@dataclass(frozen=True, slots=True)
class Tracked:
    """A file as a commit has it."""

    data: bytes
    commit: str


@dataclass(frozen=True, slots=True)
class _Address:
    """`dvc+https://REPOSITORY@REVISION:PATH` in its parts."""

    uri: str
    repository: str
    revision: str
    path: str

    @property
    def reached_at(self) -> str:
        """The repository with the credentials that Git would be given, where there are some."""
        user, password = os.environ.get("GIT_USERNAME"), os.environ.get("GIT_PASSWORD")
        if not password or not self.repository.startswith("https://"):
            return self.repository
        host = self.repository.removeprefix("https://")
        return f"https://{quote(user or 'git', safe='')}:{quote(password, safe='')}@{host}"


def read_tracked(uri: str) -> Tracked:
    """Read a file; NoUse says whether repository, revision, path or content is missing."""
    address = _parsed(uri)
    # DVC's own place for it lies where a pod may not write.
    os.environ.setdefault("DVC_SITE_CACHE_DIR", str(Path(tempfile.gettempdir()) / "dvc"))
    try:
        from dvc.api import DVCFileSystem  # noqa: PLC0415 - slow to import, and an extra
        from dvc.exceptions import DvcException  # noqa: PLC0415 - likewise
        from dvc.scm import CloneError, RevError  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise not_installed("dvc", "DVC repositories") from error
    try:
        with _opened_at(address) as place:
            files = DVCFileSystem(place, rev=address.revision)
            with contextlib.closing(files):
                return Tracked(_content(files, address), str(files.repo.get_rev()))
    except CloneError as error:
        advice = (
            "see whether the address is right; for a private repository put GIT_USERNAME and"
            " GIT_PASSWORD into the Secret of spec.data.source.secretRef"
        )
        message = f"the repository {address.repository} can't be cloned: {_cause(error)}; {advice}"
    except RevError:
        message = (
            f"{address.repository} has no revision {address.revision!r}: write a commit, a tag or"
            " a branch of it after the @"
        )
    except DvcException as error:
        message = str(error)
    except NoUse:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the library of a remote raises
        message = f"{address.path} can't be fetched: {_cause(error)}; {_PUSH}"
    # DVC names the address that it was given, password and all.
    told = message.replace(address.reached_at, address.repository)
    raise NoUse(Reason.DATA_UNREADABLE, f"{uri}: {told}"[:900])


@contextlib.contextmanager
def _opened_at(address: _Address) -> Iterator[str]:
    """Where DVC opens the repository: of a commit on a server a clone of ours.

    DVC's own clone of a commit asks for experiments as well, by another library: one that does not
    know the user's certificates, nor servers that only give files.
    """
    from dvc.scm import Git, clone, resolve_rev  # noqa: PLC0415 - slow to import, and an extra

    if not Git.is_sha(address.revision) or Path(address.repository).is_absolute():
        yield address.reached_at
        return
    with tempfile.TemporaryDirectory() as folder:
        # DVC asks for no experiments when a branch is named, and a branch of None is all of them.
        with contextlib.closing(clone(address.reached_at, folder, shallow_branch=None)) as git:
            resolve_rev(git, address.revision)
        yield folder


def _parsed(uri: str) -> _Address:
    scheme, _, rest = uri.removeprefix("dvc+").partition("://")
    repository, _, pinned = rest.partition("@")
    revision, _, path = pinned.partition(":")
    place = repository if scheme == "file" else f"{scheme}://{repository}"
    return _Address(uri, place, revision, path)


def _content(files: DVCFileSystem, address: _Address) -> bytes:
    try:
        data: bytes = files.cat_file(address.path)
    except IsADirectoryError as error:
        message = f"{address.path} is a folder: write one of its files: {_in(files, address.path)}"
        raise NoUse(Reason.DATA_UNREADABLE, f"{address.uri}: {message}") from error
    except FileNotFoundError as error:
        commit = str(files.repo.get_rev())[:_SHORT]
        folder = address.path.rpartition("/")[0]
        message = (
            f"commit {commit} tracks {address.path}, and its remote does not have it; {_PUSH}"
            if files.exists(address.path)
            else f"commit {commit} has no {address.path}; there is {_in(files, folder)}"
        )
        raise NoUse(Reason.DATA_UNREADABLE, f"{address.uri}: {message}") from error
    return data


def _in(files: DVCFileSystem, folder: str) -> str:
    """What a folder of the repository holds."""
    if not files.isdir(folder):
        return "nothing"
    names = sorted(str(name).rpartition("/")[2] for name in files.ls(folder, detail=False))
    return ", ".join(names[:_MOST_NAMED]) or "nothing"


def _cause(error: BaseException) -> str:
    """What went wrong first; what DVC makes of it says less."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error)
