"""A version's files, from the registry into the folder that the server reads.

The folder is filled beside its place and moved there whole: a step that is killed leaves nothing
that could be taken for a model.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from leadsman_api.digests import digest_of
from leadsman_api.environment import MlflowVariable
from leadsman_api.reasons import Reason
from leadsman_serving.errors import ModelRefused
from leadsman_serving.settings import Settings

MODEL_FOLDER, INCOMING = "model", ".incoming"
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
_NO_SUCH = "RESOURCE_DOES_NOT_EXIST"
_BLOCK = 1 << 20
_SHORT = 19

Found = TypeVar("Found")
_logger = logging.getLogger(__name__)


def fetch(settings: Settings) -> tuple[Path, str]:
    """Put the files in place; gives their folder and digest, or raises ModelRefused."""
    folder = Path(settings.model_dir) / MODEL_FOLDER
    if folder.is_dir() and settings.model_digest:
        digest = folder_digest(folder)
        if digest == settings.model_digest:
            _logger.info("The files are there already.", extra={"digest": digest})
            return folder, digest
    os.environ.setdefault(MlflowVariable.RETRIES, "1")
    os.environ.setdefault(MlflowVariable.TIMEOUT, "10")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    incoming = Path(settings.model_dir) / INCOMING
    began = time.monotonic()
    source = _patiently(lambda: _download(settings, incoming), settings.fetch_seconds)
    digest = folder_digest(source)
    if settings.model_digest and digest != settings.model_digest:
        raise ModelRefused(
            Reason.DIGEST_MISMATCH,
            f"the files of {_title(settings)} have the digest {digest[:_SHORT]}…, registered was"
            f" {settings.model_digest[:_SHORT]}…: register the model again",
        )
    shutil.rmtree(folder, ignore_errors=True)
    source.rename(folder)
    shutil.rmtree(incoming, ignore_errors=True)
    seconds = round(time.monotonic() - began, 2)
    _logger.info("Fetched.", extra={"seconds": seconds, "digest": digest})
    return folder, digest


def folder_digest(folder: Path) -> str:
    """The digest of a model's folder."""
    return digest_of(
        {
            file.relative_to(folder).as_posix(): _sha256(file)
            for file in folder.rglob("*")
            if file.is_file()
        }
    )


def _download(settings: Settings, incoming: Path) -> Path:
    client = MlflowClient()
    name, number = settings.model_name, settings.model_version
    version = client.get_model_version(name, number)
    if settings.model_source and version.source != settings.model_source:
        raise ModelRefused(
            Reason.DIGEST_MISMATCH,
            f"{_title(settings)} is another one by now: its source is {version.source}, not"
            f" {settings.model_source}",
        )
    uri = client.get_model_version_download_uri(name, number)
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    return Path(download_artifacts(artifact_uri=uri, dst_path=str(incoming)))


def _patiently(work: Callable[[], Found], most_seconds: float) -> Found:
    """Try again for as long as the registry may come back."""
    deadline, pause = time.monotonic() + most_seconds, _FIRST_PAUSE
    while True:
        try:
            return work()
        except (MlflowException, OSError) as error:
            if isinstance(error, MlflowException) and error.error_code == _NO_SUCH:
                raise ModelRefused(Reason.FETCH_FAILED, f"the registry says: {error}") from error
            if time.monotonic() + pause > deadline:
                raise ModelRefused(
                    Reason.FETCH_FAILED, f"the files could not be read: {_first_line(error)}"
                ) from error
            _logger.warning("No answer, trying again: %s", _first_line(error))
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:400]


def _title(settings: Settings) -> str:
    return f"version {settings.model_version} of {settings.model_name}"


def _sha256(file: Path) -> str:
    hashed = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            hashed.update(block)
    return hashed.hexdigest()
