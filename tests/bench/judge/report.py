"""The page of the judge's benchmark, docs/benchmarks/judge.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.judge.cells import HARD_NOISES, NOISES, SERVICES, Noise, Row
from bench.judge.rates import SURE, FalseAlarms
from bench.judge.regressions import Compared, Healthy
from bench.judge.speed import MOST_SECONDS, ROLLOUTS, Speed
from leadsman_operator.forecast.latency import bound_above
from leadsman_operator.forecast.summary import Summary

FEWER_THAN_DEFAULTS = 10.0
"""So many times fewer bad answers than either rule at its documented settings,"""
LARGE, BUSY = 5.0, 20.0
"""for regressions so many times as bad, at so many requests per second."""
MORE_THAN_TUNED = 1.5
"""So many times the bad answers of a rule that was tuned to the very traffic, at most."""
_ABOUT = """\
# The judge, simulated

What [`leadsman simulate`](../cli.md#simulate) finds over whole grids, with the operator's own
judge. `make bench-judge` simulates and writes this page; it takes about 20 minutes of two
shared cores. Tests of `make component` hold the hardest cells at each change, and a unit test
holds the simulation to the planner, look after look.

## In short
"""
_CALIBRATION = """\
## False rollbacks

Candidates as good as the stable revision; shares of rollouts in which they were rolled back, of
{rollouts:,} in each cell, and in brackets the upper end of its interval of {sure:.0%} (Clopper and
Pearson). One condition, so that it has the whole promised rate of 1 %; two hours of history;
default steps. Noise is a gamma factor on the share of bad answers, drawn for each arm alone: so a
candidate can have a bad time that the stable revision has not.
"""
_TIMES = """\
The same of times alone; what is bad are slow answers. A limit that is compared is read at the next
bound of a bucket, which is a margin; the other two have none: the candidate just keeps them.
"""
_REGRESSIONS = """\
## Bad answers of bad candidates

Mean bad answers of the candidate in the first hour from the start of its rollout: once promoted
it goes on serving. Behind them the share of rollouts in which it was rolled back, and the median
time to that.

- **ours**: default ModelDeployment: 10, 30, 60 %; errors are judged, and times, which stay good.
- **Argo**, **Flagger**: as their documentation shows them; `kubectl leadsman simulate --help` has
  the settings.
- **tuned**: Flagger's steps, a check each minute against 1.5 times the stable revision's errors
  and half a percent, with the fewest failures (in brackets) that keep its own false rollbacks at
  this very traffic to 1 %. **ours, its steps** is our rule on the same steps.

"""
_SLOWED = """\
## Slow answers of slow candidates

The same for candidates that take longer and fail no more often. Bad are answers that take more
than 1.5 times the stable revision's 99th percentile, at the next bound of a bucket: {bounds}.

- **ours**: the default conditions, as above.
- **Argo**: no check of times is in its documentation, so these are its steps. **Flagger**: at most
  500 ms at the 99th percentile.
- **tuned**: Flagger's steps, a check each minute against 1.5 times the stable revision's own 99th
  percentile, with the fewest failures (in brackets) that keep its false rollbacks to 1 %.
"""
_COLUMNS = """\
| requests/s | {what} | ours | Argo | Flagger | ours, its steps | tuned |
|---|---|---|---|---|---|---|"""
_LOST = """\
Where another rule costs fewer bad answers than ours:

- With few requests the evidence says neither when the time of a step is over: then `onUndecided`
  decides, which is `Promote` by default. `Pause` and `RollBack` are there for those who would
  rather wait or go back, and `simulate` tells which first step finds the regression in time.
- A candidate that is worse by less than one percentage point is called good as soon as that is
  sure, and moves on; in the bake it is found if it can be told from the stable revision at all.
- Flagger's line of 99 % pays for it with healthy candidates: see the last table. Argo's steps are
  slow, which is all of its gain here: it rolls back next to none. The tuned rule knows the traffic.
"""
_LOST_SLOW = """\
Where another rule costs fewer slow answers than ours:

- Ours knows nothing of the service beforehand: its own times are the measure, at the median, at
  90 % and at 99 %, read at the bounds of buckets, so that 1.5 times is 1.6 times at least. The
  tuned rule is given the true percentile, and interpolates exactly.
- With few requests the time of the steps is over before the evidence says anything, as with errors.
"""
_HEALTHY = """\
## Healthy candidates under each rule

How often they are rolled back, and how long our rollout takes to the end of its bake, which is 15
minutes of it: at least 18 minutes, at most 45.

| requests/s | usual | ours | median time | Argo | Flagger | tuned |
|---|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True)
class RowFound:
    """A row of the calibration."""

    row: Row
    cells: Sequence[FalseAlarms]


@dataclass(frozen=True, slots=True)
class Results:
    """All that one run found."""

    errors: Sequence[RowFound]
    times: Sequence[RowFound]
    conditions: Sequence[FalseAlarms]
    beyond: Sequence[FalseAlarms]
    compared: Sequence[Compared]
    slowed: Sequence[Compared]
    healthy: Sequence[Healthy]
    speeds: Sequence[Speed]

    @property
    def promised(self) -> list[FalseAlarms]:
        """All cells in which the promise is claimed."""
        rows = (*self.errors, *self.times)
        return [*(one for row in rows for one in row.cells), *self.conditions]


def page(results: Results) -> str:
    """All of it."""
    parts = (
        _about(results),
        _calibration(results),
        _regressions(results),
        _slowed(results),
        _healthy(results),
    )
    return "\n".join(line for part in parts for line in part)


def misses(results: Results) -> list[str]:
    """Cells that break the promise, and those that take too long."""
    cells = results.promised
    broken = [f"{one.cell.name}: {one.share:.2%}" for one in cells if one.breaks_the_promise]
    slow = [f"{one.cell.name}: {one.seconds:.0f} s" for one in results.speeds if one.is_too_slow]
    return broken + slow


def _about(results: Results) -> Iterator[str]:
    cells = results.promised
    worst = max(cells, key=lambda one: one.share)
    low, high = worst.interval
    yield _ABOUT
    yield (
        f"- False rollbacks: {len(cells)} cells of {cells[0].rollouts:,} rollouts each, promised"
        f" at most 1 %. The worst is {worst.share:.2%} ({low:.2%} to {high:.2%}):"
        f" {worst.cell.name}."
    )
    yield f"- {_won(results)}"
    yield f"- {_tuned(results)}"
    yield f"- {_faster(results)}"
    yield f"- {_quick(results.speeds)}"
    yield ""


def _quick(speeds: Sequence[Speed]) -> str:
    told = " and ".join(f"{one.seconds:.1f} s with {one.cell.name}" for one in speeds)
    return (
        f"{ROLLOUTS:,} rollouts take {told} of one core; at most {MOST_SECONDS:g} s is the bar of"
        " the benchmark."
    )


def _won(results: Results) -> str:
    asked = [one for one in results.compared if one.times >= LARGE and one.rate >= BUSY]
    lost = [one for one in asked if _fewest(one) < FEWER_THAN_DEFAULTS]
    told = "; ".join(f"{_name(one)}: {_fewest(one):.1f}" for one in lost)
    return (
        f"Regressions of {LARGE:g} times and more at {BUSY:g} requests per second and more cost"
        f" at least {FEWER_THAN_DEFAULTS:g} times fewer bad answers in the first hour than under"
        f" either rule as documented in {len(asked) - len(lost)} of {len(asked)} cells."
        + (f" Not in: {told} times fewer." if lost else "")
    )


def _tuned(results: Results) -> str:
    asked = [one for one in results.compared if one.rate >= BUSY]
    worst = max(asked, key=_beside_tuned)
    return (
        "Beside a rule that was tuned to the very traffic, on the same steps, never more than"
        f" {_beside_tuned(worst):.2f} times its bad answers at {BUSY:g} requests per second and"
        f" more ({_name(worst)})."
    )


def _faster(results: Results) -> str:
    asked = [one for one in results.slowed if one.rate >= BUSY]
    told = []
    for times in sorted({one.times for one in asked}):
        same = [one for one in asked if one.times == times]
        found = min(one.ours.rollback_probability for one in same)
        tuned_found = min(one.tuned.rollback_probability for one in same)
        told.append(
            f"{times:g} times as slow are rolled back in at least {found:.0%} (by the tuned rule in"
            f" at least {tuned_found:.0%})"
        )
    return f"Candidates at {BUSY:g} requests per second and more that are {', '.join(told)}."


def _fewest(one: Compared) -> float:
    """How many times fewer bad answers than the better of the documented rules."""
    best = min(rule.mean_bad_answers_in_an_hour for rule in (one.argo, one.flagger))
    return best / one.ours.mean_bad_answers_in_an_hour


def _beside_tuned(one: Compared) -> float:
    return one.same_steps.mean_bad_answers_in_an_hour / one.tuned.mean_bad_answers_in_an_hour


def _name(one: Compared) -> str:
    return f"{one.rate:g}/s {one.told}"


def _calibration(results: Results) -> Iterator[str]:
    rollouts = results.conditions[0].rollouts
    yield _CALIBRATION.format(rollouts=rollouts, sure=SURE)
    yield from _rows(results.errors, "errors", NOISES)
    yield from ("", _TIMES)
    yield from _rows(results.times, "limit", HARD_NOISES)
    yield from ("", "What else happens to a service:", "")
    yield from _alarms(results.conditions)
    yield from ("", "Where the promise is not claimed, and what happens there:", "")
    yield from _alarms(results.beyond)
    yield ""


def _rows(found: Sequence[RowFound], about: str, noises: Sequence[Noise]) -> Iterator[str]:
    yield f"| requests/s | {about} | {' | '.join(noise.name for noise in noises)} |"
    yield f"|---|---|{'---|' * len(noises)}"
    for one in found:
        cells = (f"{cell.share:.2%} ({cell.interval[1]:.2%})" for cell in one.cells)
        yield f"| {one.row.rate:g} | {one.row.about} | {' | '.join(cells)} |"


def _alarms(found: Sequence[FalseAlarms]) -> Iterator[str]:
    yield "| cell | rolled back | interval of 99 % |"
    yield "|---|---|---|"
    for one in found:
        low, high = one.interval
        yield f"| {one.cell.name} | {one.share:.2%} | {low:.2%} to {high:.2%} |"


def _regressions(results: Results) -> Iterator[str]:
    yield _REGRESSIONS
    yield from _compared(results.compared, "errors")
    yield from ("", _LOST)
    yield from _lost(results.compared, "errors")
    yield ""


def _slowed(results: Results) -> Iterator[str]:
    bounds = " and ".join(
        f"{bound_above(1.5 * one.p99) * 1000:g} ms where p99 is {one.p99 * 1000:g} ms"
        for one in SERVICES
    )
    yield _SLOWED.format(bounds=bounds)
    yield from _compared(results.slowed, "candidate")
    yield from ("", _LOST_SLOW)
    yield from _lost(results.slowed, "candidate")
    yield ""


def _compared(found: Sequence[Compared], what: str) -> Iterator[str]:
    yield _COLUMNS.format(what=what)
    for one in found:
        rules = (one.ours, one.argo, one.flagger, one.same_steps, one.tuned)
        told = " | ".join(map(_bad, rules))
        yield f"| {one.rate:g} | {one.told} | {told} ({one.failures}) |"


def _lost(found: Sequence[Compared], what: str) -> Iterator[str]:
    """The cells in which another rule does better, and what the product does there."""
    yield f"| requests/s | {what} | fewer with | ours rolls back | promotes, after |"
    yield "|---|---|---|---|---|"
    for one in found:
        rules = {"Argo": one.argo, "Flagger": one.flagger, "tuned": one.tuned}
        ours = one.ours
        better = [
            name
            for name, rule in rules.items()
            if rule.mean_bad_answers_in_an_hour < ours.mean_bad_answers_in_an_hour
        ]
        if better:
            told = f"{one.rate:g} | {one.told} | {', '.join(better)}"
            promoted = f"{ours.promotion_probability:.1%}{_minutes(ours)}"
            yield f"| {told} | {ours.rollback_probability:.1%} | {promoted} |"


def _minutes(summary: Summary) -> str:
    median = summary.median_seconds_to_promotion
    return "" if median is None else f", {median / 60:.0f} min"


def _bad(summary: Summary) -> str:
    share = f"{summary.rollback_probability:.0%}"
    after = summary.median_seconds_to_rollback
    time = "" if after is None else f", {after:.0f} s"
    return f"**{summary.mean_bad_answers_in_an_hour:,.0f}** {share}{time}"


def _healthy(results: Results) -> Iterator[str]:
    yield _HEALTHY
    for one in results.healthy:
        rules = (one.argo, one.flagger, one.tuned)
        shares = " | ".join(f"{rule.rollback_probability:.1%}" for rule in rules)
        ours = f"{one.ours.rollback_probability:.1%} |{_minutes(one.ours).removeprefix(',')}"
        yield f"| {one.rate:g} | {one.told} | {ours} | {shares} |"
    yield ""
