"""A rollout that the judge looks at every five seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from leadsman_api.labels import Arm
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.evidence import Evidence
from leadsman_operator.facts import PastCount, PodCount, Unknown
from leadsman_operator.planner.judge.counting import labelled_counter, wrong_counter
from leadsman_operator.planner.judge.weigh import weigh
from leadsman_operator.planner.observation import DeploymentObservation
from support.deployments import Bench, a_deployment, counters


def labels(right: int, wrong: int) -> dict[str, float]:
    """Counters of labelled answers, as the condition `quality` reads them."""
    return {labelled_counter("quality"): right + wrong, wrong_counter("quality"): wrong}


LOOK = timedelta(seconds=5)
ERRORS = {"name": "errors", "type": "ErrorRate", "ratio": 1.5}
ANSWERS = {"name": "answers", "type": "Disagreement", "max": 0.05}
LATENCY = {"name": "latency", "type": "Latency", "ratio": 1.5}
QUALITY = {
    "name": "quality",
    "type": "WrongAnswers",
    "ratio": 1.1,
    "metrics": {"labelled": "churn_labelled_total", "wrong": "churn_wrong_total"},
}
ARMS = {"one": Arm.STABLE, "two": Arm.CANDIDATE}
QUIET = tuple(PastCount(5, counters(998, 2)) for _ in range(1440))
"""Two hours of a stable revision of which one request in 500 fails."""
LABELLED = tuple(PastCount(900, labels(80, 20)) for _ in range(672))
"""A week of a stable revision of which two answers in ten are wrong."""
DOWN = Unknown(Reason.METRICS_UNREACHABLE, "no answer")


class Trial:
    """A rollout that is looked at every five seconds."""

    def __init__(
        self,
        *conditions: Mapping[str, Any],
        past: tuple[PastCount, ...] | Unknown = QUIET,
        past_labels: tuple[PastCount, ...] | Unknown = LABELLED,
        **health: Any,
    ) -> None:
        """Both arms have served before it is looked at."""
        self.bench = Bench(resource=a_deployment(health={"conditions": list(conditions), **health}))
        self.past, self.past_labels = past, past_labels
        self.pods = {"one": "one-0", "two": "two-0"}
        self.counts: dict[str, dict[str, float]] = {"one": counters(5000), "two": counters()}
        self.labels: dict[str, dict[str, float]] = {"one": labels(4000, 1000)}
        """Those of a candidate come later, and begin with its first."""
        self.unread: dict[str, str] = {}
        """Why the labels of a condition can't be read."""
        self.evidence: Evidence | None = None
        self.look()

    def observe(self) -> DeploymentObservation:
        """What is seen now."""
        status = self.bench.resource.status.model_copy(update={"evidence": self.evidence})
        resource = self.bench.resource.model_copy(update={"status": status})
        bench = replace(self.bench, resource=resource)
        return replace(
            bench.observe(),
            past=self.past,
            past_labels=self.past_labels,
            unread_labels=self.unread,
        )

    def look(self) -> Evidence:
        """Bring the evidence up to date; it is written and read as in a status."""
        if not isinstance(self.bench.counts, Unknown):
            self.bench.counts = tuple(
                PodCount(self.pods[revision], revision, self.bench.now, dict(counts))
                for revision, counts in self.counts.items()
            ) + tuple(
                PodCount(f"{revision} at joiner for quality", revision, self.bench.now, counts)
                for revision, counts in self.labels.items()
            )
        found = weigh(self.observe(), ARMS)
        self.evidence = Evidence.model_validate(found.to_wire())
        if not (isinstance(self.past, Unknown) or isinstance(self.past_labels, Unknown)):
            self.past = self.past_labels = ()
        return self.evidence

    def label(self, **answers: tuple[int, int]) -> None:
        """Before the next look it comes out how many answers were right, and how many wrong."""
        for revision, pair in answers.items():
            before = self.labels.get(revision, labels(0, 0))
            new = labels(*pair)
            self.labels[revision] = {name: before[name] + new[name] for name in new}

    def serve(self, looks: int = 1, **answers: tuple[int, ...]) -> Evidence:
        """Both arms answer between two looks: good, bad and slow ones."""
        for _ in range(looks):
            self.bench.now += LOOK
            for revision, (good, bad, *slow) in answers.items():
                for name, count in counters(good, bad, slow=sum(slow)).items():
                    self.counts[revision][name] += count
            found = self.look()
        return found


def a_trial_on_copies(**health: Any) -> Trial:
    """A candidate that gets copies; nothing was compared yet."""
    trial = Trial(ERRORS)
    spec = {
        "traffic": {"provider": "GatewayAPI", "routeRef": {"name": "shop"}},
        "rollout": {"strategy": "Shadow"},
        "health": {"conditions": [ANSWERS], **health},
    }
    trial.bench, trial.evidence, trial.past = Bench(resource=a_deployment(**spec)), None, QUIET
    trial.look()
    return trial


def compared(trial: Trial, same: int, different: int, looks: int = 1) -> Evidence:
    """Copies are compared, and both arms answer others besides."""
    for _ in range(looks):
        for result, count in (("Same", same), ("Different", different)):
            counts = trial.counts["two"]
            counts[result] = counts.get(result, 0) + count
        found = trial.serve(one=(100, 0), two=(same + different, 0))
    return found
