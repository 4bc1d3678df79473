"""A version's files, from the registry into the folder that the server reads.

The folder is filled beside its place and moved there whole: a step that is killed leaves nothing
that could be taken for a model.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from mlflow.artifacts import download_artifacts
from mlflow.tracking import MlflowClient

from leadsman_api.digests import digest_of
from leadsman_api.environment import MlflowVariable
from leadsman_api.reasons import Reason
from leadsman_serving.errors import ModelRefused
from leadsman_serving.fetch.registry import patiently
from leadsman_serving.settings import Settings

MODEL_FOLDER, INCOMING = "model", ".incoming"
PROGRESS_SECONDS = 10.0
"""How often a download that takes its time tells how far it is."""
_BLOCK = 1 << 20
_SHORT = 19
_logger = logging.getLogger(__name__)


def fetch(settings: Settings) -> tuple[Path, str]:
    """Put the files in place; gives their folder and digest, or raises ModelRefused."""
    folder = Path(settings.model_dir) / MODEL_FOLDER
    if folder.is_dir() and settings.model_digest:
        digest = folder_digest(folder)
        if digest == settings.model_digest:
            _logger.info("The files are there already.", extra={"digest": digest})
            return folder, digest
    _quicken()
    incoming = Path(settings.model_dir) / INCOMING
    began = time.monotonic()
    try:
        source = _download(settings, incoming)
        digest = _checked_digest(settings, source)
        shutil.rmtree(folder, ignore_errors=True)
        source.rename(folder)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    size = _size(folder)
    seconds = round(time.monotonic() - began, 2)
    _logger.info("Fetched.", extra={"seconds": seconds, "bytes": size, "digest": digest})
    return folder, digest


def folder_digest(folder: Path) -> str:
    """The digest of a model's folder; raises ValueError for a folder without files."""
    return digest_of(
        {
            file.relative_to(folder).as_posix(): _sha256(file)
            for file in folder.rglob("*")
            if file.is_file()
        }
    )


def _quicken() -> None:
    """Let MLflow's client give up soon: the patience is ours, and it tells what it waits for."""
    os.environ.setdefault(MlflowVariable.RETRIES, "1")
    os.environ.setdefault(MlflowVariable.TIMEOUT, "10")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


def _download(settings: Settings, incoming: Path) -> Path:
    title, deadline = _title(settings), time.monotonic() + settings.fetch_seconds
    uri = patiently(
        f"{title} could not be asked for",
        lambda: _address(settings),
        deadline,
        Reason.REGISTRY_UNREACHABLE,
    )
    with _progress(incoming):
        return patiently(
            f"the files of {title} could not be read, known",
            lambda: _filled(incoming, uri),
            deadline,
            Reason.FETCH_FAILED,
        )


def _address(settings: Settings) -> str:
    """Where the files are; ModelRefused when the version is not the one that was resolved."""
    client = MlflowClient()
    name, number = settings.model_name, settings.model_version
    version = client.get_model_version(name, number)
    if settings.model_source and version.source != settings.model_source:
        raise ModelRefused(
            Reason.DIGEST_MISMATCH,
            f"{_title(settings)} is another one by now: its source is {version.source}, not"
            f" {settings.model_source}",
        )
    return str(client.get_model_version_download_uri(name, number))


def _filled(incoming: Path, uri: str) -> Path:
    """The folder with all files, from an empty beginning."""
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    return Path(download_artifacts(artifact_uri=uri, dst_path=str(incoming)))


def _checked_digest(settings: Settings, source: Path) -> str:
    try:
        digest = folder_digest(source)
    except ValueError as error:
        raise ModelRefused(Reason.FETCH_FAILED, f"{_title(settings)} has no files") from error
    if settings.model_digest and digest != settings.model_digest:
        raise ModelRefused(
            Reason.DIGEST_MISMATCH,
            f"the files of {_title(settings)} have the digest {digest[:_SHORT]}…, registered was"
            f" {settings.model_digest[:_SHORT]}…: register the model again",
        )
    return digest


@contextlib.contextmanager
def _progress(folder: Path) -> Iterator[None]:
    """Log now and then how much has come, until the block ends."""
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(PROGRESS_SECONDS):
            _logger.info("Downloading.", extra={"bytes": _size(folder)})

    thread = threading.Thread(target=tell, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _size(folder: Path) -> int:
    """Bytes below a folder, of files that are there at the moment."""
    size = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(OSError):
            size += file.stat().st_size if file.is_file() else 0
    return size


def _title(settings: Settings) -> str:
    return f"version {settings.model_version} of {settings.model_name}"


def _sha256(file: Path) -> str:
    hashed = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            hashed.update(block)
    return hashed.hexdigest()
