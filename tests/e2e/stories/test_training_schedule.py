"""A schedule on the cluster: its times make runs, and the next one takes the place of the last."""

from __future__ import annotations

from typing import Any

import pytest

from leadsman_api.labels import Annotation
from support.kubectl import Kubectl
from support.training_stories import train
from support.waiting import eventually

pytestmark = pytest.mark.usefixtures("leadsman")

MINUTES_SECONDS = 210
"""Two times of a schedule with a minute between them, and a search that has to end first."""
ENDLESS = {
    "trials": 5000, "parallelism": 1, "seed": 1, "space": {"n_estimators": {"int": [5, 30]}},
}  # fmt: skip


def test_a_run_that_still_goes_on_is_replaced(kubectl: Kubectl, namespace: str) -> None:
    """Each minute has a run of its own, which bears its time, and none has two at once."""
    schedule = {"cron": "* * * * *", "concurrency": "Replace"}
    train(kubectl, namespace, search=ENDLESS, schedule=schedule)
    seen: dict[str, str] = {}
    most = 0

    def two_times() -> bool:
        nonlocal most
        made = runs(kubectl, namespace)
        most = max(most, sum("deletionTimestamp" not in one["metadata"] for one in made))
        for one in made:
            seen[one["metadata"]["name"]] = one["metadata"]["annotations"][Annotation.SCHEDULED_AT]
        return len(seen) == 2 and len(made) == 1

    eventually(two_times, within_seconds=MINUTES_SECONDS, what="the second took the first's place")
    assert len(set(seen.values())) == 2, seen
    assert most == 1, seen
    kubectl("-n", namespace, "delete", "trainingrun", "run", "--timeout=100s", timeout=110)
    eventually(lambda: not runs(kubectl, namespace), within_seconds=100, what="its runs go with it")


def runs(kubectl: Kubectl, namespace: str) -> list[dict[str, Any]]:
    """What the schedule has made."""
    found = kubectl.get("trainingruns", "-n", namespace)["items"]
    return [one for one in found if one["metadata"]["name"] != "run"]
