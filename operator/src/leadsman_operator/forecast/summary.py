"""The outcomes of many rollouts in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

from leadsman_operator.forecast.proportions import wilson_bounds
from leadsman_operator.forecast.rollouts import Outcome
from leadsman_operator.forecast.simulation import Outcomes


@dataclass(frozen=True, slots=True)
class Summary:
    """What a rule does with a candidate. Times are in seconds, None where nothing ended so."""

    rollback_probability: float
    rollback_probability_interval: tuple[float, float]
    """What the true probability may be, for so few rollouts: Wilson's interval of 99 percent."""
    median_seconds_to_rollback: float | None
    p90_seconds_to_rollback: float | None
    promotion_probability: float
    median_seconds_to_promotion: float | None
    undecided_probability: float
    """Rollouts that neither ended nor were promoted within their time."""
    mean_bad_answers: float
    """Bad answers of the candidate until its rollout ended."""
    mean_answers: float
    """All answers of the candidate until then."""
    mean_bad_answers_in_an_hour: float
    """Bad answers of the candidate in an hour from the start: once promoted it goes on serving."""
    mean_unserved_seconds: float
    """Time in which nothing served; only a Swap has any."""


def summary_of(outcomes: Outcomes) -> Summary:
    """The numbers that a report shows."""
    number = len(outcomes.outcome)
    back = outcomes.share(Outcome.ROLLED_BACK)
    return Summary(
        rollback_probability=back,
        rollback_probability_interval=wilson_bounds(back * number, number),
        median_seconds_to_rollback=outcomes.seconds(Outcome.ROLLED_BACK),
        p90_seconds_to_rollback=outcomes.seconds(Outcome.ROLLED_BACK, 0.9),
        promotion_probability=outcomes.share(Outcome.PROMOTED),
        median_seconds_to_promotion=outcomes.seconds(Outcome.PROMOTED),
        undecided_probability=outcomes.share(Outcome.RUNNING),
        mean_bad_answers=float(outcomes.bad.mean()),
        mean_answers=float(outcomes.answers.mean()),
        mean_bad_answers_in_an_hour=float(outcomes.bad_in_an_hour.mean()),
        mean_unserved_seconds=float(outcomes.unserved.mean()),
    )
