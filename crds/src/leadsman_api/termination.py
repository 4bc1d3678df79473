"""What a container of ours says when it ends: one JSON line in its termination message.

The kubelet carries it into the pod's status, so the operator learns the cause without
reading a log.
"""

from __future__ import annotations

from enum import IntEnum

from pydantic import ValidationError

from leadsman_api.contract import Contract
from leadsman_api.reasons import Reason
from leadsman_api.values import Sentence, Word

TERMINATION_PATH = "/dev/termination-log"


class ExitCode(IntEnum):
    """Exit codes by which a training pod says what the Job may do next."""

    DONE = 0
    NO_USE = 42
    """Trying again can't help: data, entrypoint or spec are wrong."""
    THIS_WORKER = 43
    """This worker can't go on; the others may."""
    PREEMPTED = 143
    """The pod was told to go before its work was done."""


class Termination(Contract):
    """Why a container ended, or what it found."""

    reason: Reason
    """Why, as one word of a closed list."""
    message: Sentence
    """Why, as one sentence with the names and numbers that help."""
    digest: Word | None = None
    """Content digest of the files that were fetched."""
    backend: Word | None = None
    """The plan that will serve them."""
    backend_because: Sentence | None = None
    """Why that one and not a faster one."""
    largest_difference: float | None = None
    """Largest difference between the plan's answers and the original's."""

    def to_text(self) -> str:
        """The line that is written, well within the 4096 bytes that a kubelet keeps."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    @classmethod
    def from_text(cls, text: str | None) -> Termination | None:
        """Read such a line; None for what another program wrote."""
        try:
            return cls.model_validate_json(text or "")
        except ValidationError:
            return None
