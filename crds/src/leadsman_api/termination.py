"""What a container of ours says when it ends: one JSON line in its termination message.

The kubelet carries it into the pod's status, so the operator learns the cause without
reading a log.
"""

from __future__ import annotations

from enum import IntEnum

from leadsman_api.reasons import Reason
from leadsman_api.text import Text
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


class Termination(Text):
    """Why a container ended, or what it found: well within the 4096 bytes that a kubelet keeps."""

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
