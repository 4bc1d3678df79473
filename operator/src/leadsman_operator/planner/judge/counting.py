"""From the raw counters of pods to what each arm has counted since the rollout began.

Counters are differenced here and not by Prometheus: increments are whole numbers, a pod that
starts anew counts from zero again, and the state needed to go on is small enough for the
resource's status, so a restart of the operator loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from leadsman_api.labels import Arm
from leadsman_api.v1alpha1.evidence import ArmCounters, Evidence, PodCounters
from leadsman_operator.facts import PodCount

TIMES = "le="
"""How the names of counters of times begin."""
_LABELLED, _WRONG = ":labelled", ":wrong"
"""How the names of counters of labels end."""
MOST_PODS = 500
"""So many pods the status can remember."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What each arm has counted, and where each pod's counters stood."""

    totals: Mapping[Arm, Mapping[str, float]]
    latest: Mapping[Arm, Mapping[str, float]]
    """What was counted since the last look."""
    pods: tuple[PodCounters, ...]


def counted(
    before: Evidence | None,
    counts: Iterable[PodCount],
    arms: Mapping[str, Arm],
    now: datetime,
    warm_from: Mapping[str, datetime],
) -> Counted:
    """Add what was counted since `before` to its totals.

    `arms` gives the arm of each revision on trial; pods of other revisions count for nothing.
    A pod that is seen in the first look of a rollout begins there, for it has served before, as
    does one of the stable revision whenever it is first seen; those of a candidate that appear
    later begin at zero, but where there are more pods than can be remembered. The times of a
    pod's answers don't count before the moment in `warm_from`, where it has one.
    """
    first_look = before is None or before.updated_at is None
    last = {pod.pod: pod for pod in before.pods} if before else {}
    totals = {arm: dict(found) for arm, found in _totals(before).items()}
    latest: dict[Arm, dict[str, float]] = {}
    pods: dict[str, PodCounters] = dict(last)
    for count in counts:
        arm = arms.get(count.revision)
        if arm is None:
            continue
        known = last.get(count.pod)
        has_served = first_look or arm is Arm.STABLE or len(last) >= MOST_PODS
        base = count.counters if known is None and has_served else _counters(known)
        is_cold = _is_cold(known, warm_from.get(count.pod))
        for sums in (totals.setdefault(arm, {}), latest.setdefault(arm, {})):
            for name, increment in increments_since(base, count.counters).items():
                new = 0.0 if is_cold and name.startswith(TIMES) else increment
                sums[name] = sums.get(name, 0.0) + new
        pods[count.pod] = PodCounters(pod=count.pod, arm=arm, at=now, counters=count.counters)
    newest = sorted(pods.values(), key=lambda pod: (pod.at, pod.pod), reverse=True)[:MOST_PODS]
    return Counted(totals, latest, tuple(sorted(newest, key=lambda pod: pod.pod)))


def _is_cold(known: PodCounters | None, warm_from: datetime | None) -> bool:
    """Whether a part of what came up since the last look may be from before it was warm."""
    return warm_from is not None and (known is None or known.at < warm_from)


def counted_between(
    before: Mapping[str, Mapping[str, float]], after: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """What the pods that are there at both of two moments have counted together.

    Both moments hold the counters of each pod by its name.
    """
    sums: dict[str, float] = {}
    for pod in (pod for pod in after if pod in before):
        for name, increment in increments_since(before[pod], after[pod]).items():
            sums[name] = sums.get(name, 0.0) + increment
    return sums


def labelled_counter(condition: str) -> str:
    """Name of the counter of the answers that a condition of type WrongAnswers is about."""
    return f"{condition}{_LABELLED}"


def wrong_counter(condition: str) -> str:
    """Name of the counter of those of them that were wrong."""
    return f"{condition}{_WRONG}"


def of_requests(counters: Mapping[str, float]) -> dict[str, float]:
    """The counters that move when a request is answered, and not when its label comes."""
    return {
        name: value for name, value in counters.items() if not name.endswith((_LABELLED, _WRONG))
    }


def as_totals(totals: Mapping[Arm, Mapping[str, float]]) -> tuple[ArmCounters, ...]:
    """The totals as they are written to the status."""
    return tuple(
        ArmCounters(arm=arm, counters=dict(sorted(totals[arm].items()))) for arm in sorted(totals)
    )


def _totals(before: Evidence | None) -> Mapping[Arm, Mapping[str, float]]:
    return {total.arm: total.counters for total in before.totals} if before else {}


def _counters(known: PodCounters | None) -> Mapping[str, float]:
    return known.counters if known else {}


def increments_since(base: Mapping[str, float], counters: Mapping[str, float]) -> dict[str, float]:
    """What was counted between two looks; a pod that started anew counts from zero.

    One counter that fell means that all of them were reset: they live in one process.
    """
    reset = any(value < base.get(name, 0.0) for name, value in counters.items())
    return {
        name: value - (0.0 if reset else base.get(name, 0.0)) for name, value in counters.items()
    }
