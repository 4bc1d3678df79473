"""Where data lies: each scheme of an address, and how its bytes are read."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.data import is_outside
from leadsman_training.dvc_repository import read_tracked
from leadsman_training.errors import NoUse, not_installed
from leadsman_training.lakefs_repository import read_committed
from leadsman_training.mlflow_dataset import read_logged

_MOST_NAMED = 12
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Content:
    """All the bytes of the data."""

    data: bytes
    name: str
    """Name of the file, by whose ending it is understood."""
    revision: str | None = None
    """What the source calls this state of it; None where it keeps one state only."""


def read(uri: str, folder: Path) -> Content:
    """Read the data of an address; NoUse says why it can't be.

    `folder` is where a claim or a ConfigMap is mounted.
    """
    scheme, _, rest = uri.partition("://")
    match scheme:
        case "sklearn":
            return Content(_bundled(rest), "data.csv")
        case "configmap" | "pvc":
            return _file(folder / rest.partition("/")[2], uri)
        case "dvc+https" | "dvc+file" | "lakefs" | "mlflow":
            return _versioned(uri, scheme, rest)
        case "http" | "https" | "s3" | "gs" | "az":
            return _stored(uri, scheme, rest)
        case _:
            pass
    raise NoUse(
        Reason.DATA_UNREADABLE,
        "spec.data.source.uri: this version reads sklearn, configmap, pvc, http, https, s3, gs,"
        f" az, lakefs, mlflow, dvc+https and dvc+file, not {scheme}",
    )


def at_revision(uri: str, revision: str | None) -> str:
    """The same data as a revision has it; as it is where its source can't be asked for one."""
    scheme, _, rest = uri.partition("://")
    if revision is None or scheme not in ("dvc+https", "dvc+file", "lakefs"):
        return uri
    if scheme == "lakefs":
        repository, _, path = rest.split("/", 2)
        return f"lakefs://{repository}/{revision}/{path}"
    repository, _, pinned = rest.partition("@")
    return f"{scheme}://{repository}@{revision}:{pinned.partition(':')[2]}"


def _versioned(uri: str, scheme: str, rest: str) -> Content:
    """What keeps more than one state of it."""
    if scheme == "mlflow":
        logged = read_logged(uri)
        return Content(logged.data, logged.name, logged.digest)
    found = read_committed(uri) if scheme == "lakefs" else read_tracked(uri)
    return Content(found.data, rest, found.commit)


def _stored(uri: str, scheme: str, rest: str) -> Content:
    """What keeps one state of it."""
    if scheme in ("http", "https"):
        return Content(_download(uri), rest.partition("?")[0])
    return Content(_bucket(rest, uri) if scheme == "s3" else _object(uri, scheme), rest)


def _bundled(name: str) -> bytes:
    """A set that scikit-learn brings along, as CSV with its target in the column `target`."""
    from sklearn import datasets  # noqa: PLC0415 - slow to import

    loaders = {
        one.removeprefix("load_"): getattr(datasets, one)
        for one in sorted(dir(datasets))
        if one.startswith("load_")
    }
    # The others read files and images.
    tables = [one for one in loaders if "as_frame" in inspect.signature(loaders[one]).parameters]
    if name not in tables:
        raise NoUse(Reason.DATA_UNREADABLE, f"scikit-learn has no set {name}: {', '.join(tables)}")
    text: str = loaders[name](as_frame=True)["frame"].to_csv(index=False, lineterminator="\n")
    return text.encode()


def _file(path: Path, uri: str) -> Content:
    if is_outside(uri):
        raise NoUse(Reason.DATA_UNREADABLE, f"{uri} is not within its claim or ConfigMap")
    try:
        return Content(path.read_bytes(), path.name)
    except OSError as error:
        there = (
            ", ".join(sorted(one.name for one in path.parent.iterdir())[:_MOST_NAMED])
            if (path.parent.is_dir())
            else "nothing"
        )
        raise NoUse(Reason.DATA_UNREADABLE, f"{uri}: {error.strerror}; there is {there}") from error


def _download(uri: str) -> bytes:
    import httpx  # noqa: PLC0415 - only where it is needed

    try:
        answer = httpx.get(uri, follow_redirects=True, timeout=_SECONDS)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise NoUse(Reason.DATA_UNREADABLE, f"{uri}: {error}"[:900]) from error
    return answer.content


def _bucket(place: str, uri: str) -> bytes:
    import boto3  # noqa: PLC0415 - only where it is needed
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - likewise

    bucket, _, key = place.partition("/")
    try:
        body: bytes = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except (BotoCoreError, ClientError) as error:
        raise NoUse(Reason.DATA_UNREADABLE, f"{uri}: {error}"[:900]) from error
    return body


def _object(uri: str, scheme: str) -> bytes:
    """An object of a store that fsspec knows; the extra that brings its library has its scheme."""
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - only where it is needed

        store, path = url_to_fs(uri)
        data: bytes = store.cat_file(path)
    except ImportError as error:
        raise not_installed(scheme, f"{scheme}://") from error
    except FileNotFoundError as error:
        raise NoUse(Reason.DATA_UNREADABLE, f"{uri}: there is no such object") from error
    except Exception as error:  # whatever the library of the store raises
        raise NoUse(Reason.DATA_UNREADABLE, f"{uri}: {error}"[:900]) from error
    return data
