"""Raw counters read from the serving pods themselves, where no Prometheus collects them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from leadsman_api.labels import Label
from leadsman_api.metrics import ServingMetric
from leadsman_api.v1alpha1.health import RequestMetrics
from leadsman_operator.errors import EdgeError
from leadsman_operator.facts import PodCount, PodFacts, Sample, Unknown
from leadsman_operator.observe.counters import pod_counts
from leadsman_operator.ports import PodPages

_METRICS = RequestMetrics()
_NAMES = (_METRICS.requests, f"{_METRICS.latency}_bucket", ServingMetric.COPIES)
_RUNNING = "Running"


async def counts_of_pods(
    arms: Sequence[str], pods: Sequence[PodFacts], pages: PodPages, now: datetime, *, whole: bool
) -> tuple[PodCount, ...] | Unknown:
    """What the pods of the revisions `arms` have counted, all asked side by side.

    A pod that does not answer is missing, for counters only grow: its next answer tells what it
    counted meanwhile. Unknown when no ready pod of an arm answers, for what happens to both
    arms at a time must be seen in both; and with `whole` when any of them does not.
    """
    asked = [pod for pod in pods if pod.phase == _RUNNING and pod.ip and _revision(pod) in arms]
    answers = await asyncio.gather(*(_page(pod, pages, now) for pod in asked))
    told = list(zip(asked, answers, strict=True))
    for group in (told, *([one for one in told if _revision(one[0]) == arm] for arm in arms)):
        silent = _silence(group, whole=whole)
        if silent is not None:
            return silent
    samples = [one for answer in answers if not isinstance(answer, Unknown) for one in answer]
    return pod_counts(samples, _METRICS, arms, now)


def _revision(pod: PodFacts) -> str | None:
    return pod.labels.get(Label.REVISION)


async def _page(pod: PodFacts, pages: PodPages, now: datetime) -> list[Sample] | Unknown:
    """The samples of a pod, labelled as a Prometheus that scrapes it would."""
    try:
        samples = await pages.samples(pod.ip or "", _NAMES, now)
    except EdgeError as error:
        return Unknown(error.reason, f"pod {pod.name}: {error.message}")
    labels = {_METRICS.labels.pod: pod.name}
    return [replace(sample, labels={**sample.labels, **labels}) for sample in samples]


def _silence(
    told: Sequence[tuple[PodFacts, list[Sample] | Unknown]], *, whole: bool
) -> Unknown | None:
    """Why nothing can be said of these pods; those that are not ready owe no answer."""
    answers = [answer for pod, answer in told if pod.ready and not pod.deleting]
    silent = [answer for answer in answers if isinstance(answer, Unknown)]
    return silent[0] if silent and (whole or len(silent) == len(answers)) else None
