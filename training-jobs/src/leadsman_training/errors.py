"""What ends a training process, by what the Job may do about it."""

from __future__ import annotations

from leadsman_api.reasons import Reason


class TrainingError(Exception):
    """The base: a reason of the closed list, and one sentence for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.reason, self.message = reason, message


class NoUse(TrainingError):
    """Data, entrypoint or spec are wrong: trying again gives the same."""


def not_installed(extra: str, what: str) -> NoUse:
    """The image lacks the library that reads some data."""
    return NoUse(
        Reason.DATA_UNREADABLE,
        f"spec.data.source.uri: this image can't read {what}: install leadsman-training[{extra}]"
        " in an image, and name it in spec.trainer.image",
    )


class ThisWorker(TrainingError):
    """This process can't go on; another one may."""


class Preempted(BaseException):
    """The process was told to go: raised in the middle of a trial, so that it fails there.

    No Exception: MLflow's client, and whoever else bears every error, would go on instead.
    """
