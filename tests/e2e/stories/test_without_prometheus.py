"""Where there is no Prometheus the operator reads what the pods themselves count."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from support.installation import Installation
from support.kubectl import Kubectl
from support.registry import Registry
from support.stories import Story

Measured = Callable[[str], None]

ADDRESS = "LEADSMAN_PROMETHEUS_URL"

pytestmark = [pytest.mark.alone, pytest.mark.timeout(600)]


@pytest.fixture
def without_prometheus(leadsman: Installation, kubectl: Kubectl) -> Iterator[None]:
    """The operator knows of none, until the story ends."""
    space = ("-n", leadsman.operator_namespace)
    deployment = kubectl.get("deployment", "leadsman", *space)
    variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    known = next(one["value"] for one in variables if one["name"] == ADDRESS)

    def tell(change: str) -> None:
        kubectl(*space, "set", "env", "deployment/leadsman", change)
        kubectl(*space, "rollout", "status", "deployment/leadsman", timeout=180)

    tell(f"{ADDRESS}-")
    yield
    tell(f"{ADDRESS}={known}")


@pytest.mark.usefixtures("without_prometheus")
def test_the_pods_own_counters_decide(story: Story, registry: Registry, measured: Measured) -> None:
    """A good version is promoted on what they say, and a bad one is taken back."""
    first = registry.add(story.name, "good")
    story.apply(model={"alias": "champion"})
    story.until_serving(first)
    story.client.start(story.url)
    second = registry.add(story.name, "good")
    story.until(
        lambda now: "0 of" in (now.get("evidence") or {}).get("because", ""),
        "requests of it are counted",
    )
    story.until_serving(second)
    bad = registry.add(story.name, "errors")
    status = story.until_rolled_back(bad)
    end = story.client.stop()

    told = next(one["message"] for one in status["history"] if one["reason"] == "RolledBack")
    measured(f"{end.failures_in_all} of {end.sent} requests failed; {told}")
    assert "requests failed at the candidate" in told, story.describe()
    assert set(end.failed_by_version) == {str(bad)}, f"{end}\n{story.describe()}"
