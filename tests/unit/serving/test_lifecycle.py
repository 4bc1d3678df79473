"""What follows for the probes from what the process knows about itself."""

from __future__ import annotations

import pytest

from leadsman_serving.lifecycle import (
    BEAT_SECONDS,
    Lifecycle,
    Reason,
    liveness,
    loop_lag_seconds,
    readiness,
)


@pytest.mark.parametrize(
    ("silent_for", "code"),
    [
        pytest.param(0.0, 200, id="a loop that just moved"),
        pytest.param(30.0, 200, id="a loop at the limit"),
        pytest.param(30.1, 503, id="a loop beyond the limit"),
    ],
)
def test_only_a_loop_that_stands_still_fails_liveness(silent_for: float, code: int) -> None:
    """Restarting helps against nothing else."""
    lifecycle = Lifecycle(beat_at=100.0, draining=True)

    assert liveness(lifecycle, now=100.0 + silent_for, stuck_after_seconds=30.0).code == code


def test_a_stuck_loop_says_for_how_long() -> None:
    """The probe's answer ends in the pod's events: it carries the number."""
    health = liveness(Lifecycle(beat_at=100.0), now=142.0, stuck_after_seconds=30.0)

    assert health.body["reason"] == Reason.STUCK
    assert "42.0 s" in health.body["message"]


@pytest.mark.parametrize(
    ("draining", "reason"),
    [
        pytest.param(False, Reason.NO_MODEL, id="without a model"),
        pytest.param(True, Reason.DRAINING, id="while draining"),
    ],
)
def test_readiness_gives_its_reason(*, draining: bool, reason: Reason) -> None:
    """No traffic, and the word that says why."""
    health = readiness(Lifecycle(beat_at=0.0, draining=draining))

    assert (health.code, health.body["status"], health.body["reason"]) == (503, "NotReady", reason)


@pytest.mark.parametrize(
    ("now", "lag"),
    [
        pytest.param(100.0, 0.0, id="just after a beat"),
        pytest.param(100.0 + BEAT_SECONDS, 0.0, id="when the next one is due"),
        pytest.param(102.0 + BEAT_SECONDS, 2.0, id="two seconds too late"),
    ],
)
def test_lag_counts_from_when_the_next_beat_was_due(now: float, lag: float) -> None:
    """A loop that is on time has no lag, however rarely it beats."""
    assert loop_lag_seconds(Lifecycle(beat_at=100.0), now=now) == lag
