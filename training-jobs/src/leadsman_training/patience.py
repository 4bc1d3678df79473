"""Servers that do not answer: waited for longer than a restart takes, and not for ever."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from leadsman_api.reasons import Reason
from leadsman_training.errors import ThisWorker

PATIENCE_SECONDS = 600.0
"""A worker that waits costs its place; one that gives up costs the search a worker."""
_PAUSE_SECONDS = 2.0
_LONGEST_ERROR = 300

Answer = TypeVar("Answer")
_logger = logging.getLogger(__name__)


def wait_for(
    work: Callable[[], Answer], server: str, reason: Reason, is_away: Callable[[Exception], bool]
) -> Answer:
    """Do something with a server, again and again while it is away; then ThisWorker.

    What it can't do for another reason is raised as it is.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return work()
        except Exception as error:
            if not is_away(error):
                raise
            if time.monotonic() > deadline:
                raise given_up(server, reason, error) from error
            _logger.warning("%s does not answer, trying again: %s", server, error)
            time.sleep(_PAUSE_SECONDS)


def given_up(server: str, reason: Reason, error: Exception) -> ThisWorker:
    """What is told of a server that gave no answer, or one that will be the same next time."""
    return ThisWorker(reason, f"{server}: {str(error).partition(chr(10))[0][:_LONGEST_ERROR]}")
