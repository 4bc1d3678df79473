"""Servers that do not answer: how long they are waited for, and what is told in the end."""

from __future__ import annotations

import pytest

from leadsman_api.reasons import Reason
from leadsman_training import patience
from leadsman_training.errors import ThisWorker
from leadsman_training.patience import wait_for


class Server:
    """One that answers the third time, or never."""

    def __init__(self, error: Exception, silent: int = 2) -> None:
        """Keep what it says instead of an answer, and how often."""
        self.error, self.silent, self.asked = error, silent, 0

    def ask(self) -> str:
        """Ask once."""
        self.asked += 1
        if self.asked <= self.silent:
            raise self.error
        return "an answer"


def is_away(error: Exception) -> bool:
    """What passes."""
    return isinstance(error, ConnectionError)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """As quickly as it goes."""
    monkeypatch.setattr(patience, "_PAUSE_SECONDS", 0.0)


def test_a_server_that_comes_back_has_only_been_waited_for() -> None:
    """Nobody learns of it."""
    server = Server(ConnectionError("refused"))

    assert wait_for(server.ask, "it", Reason.STUDY_UNREACHABLE, is_away) == "an answer"
    assert server.asked == 3


def test_a_server_that_stays_away_ends_this_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its name and the first line of what went wrong."""
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 0.0)
    server = Server(ConnectionError("refused\nwith a long story"), silent=1000)
    with pytest.raises(ThisWorker) as given_up:
        wait_for(server.ask, "it", Reason.STUDY_UNREACHABLE, is_away)

    said = given_up.value
    assert (said.reason, said.message) == (Reason.STUDY_UNREACHABLE, "it: refused")


def test_what_would_be_the_same_next_time_is_raised_at_once() -> None:
    """Waiting is for servers that are away."""
    server = Server(ValueError("no such thing"))
    with pytest.raises(ValueError, match="no such thing"):
        wait_for(server.ask, "it", Reason.STUDY_UNREACHABLE, is_away)

    assert server.asked == 1
