"""What the contract costs: the operator reads every resource anew at every look."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from leadsman_api.v1alpha1.model_deployment import ModelDeployment
from leadsman_api.v1alpha1.training_run import TrainingRun
from support.repository import ROOT

ROUNDS = 200


def best_of(rounds: int, action: Callable[[], object]) -> float:
    """The shortest time of several: what it costs when nothing else is in the way."""
    shortest = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        shortest = min(shortest, time.perf_counter() - started)
    return shortest


@pytest.mark.parametrize(
    ("kind", "example"), [(ModelDeployment, "modeldeployment"), (TrainingRun, "trainingrun")]
)
def test_reading_a_resource_takes_less_than_two_milliseconds(
    kind: type[ModelDeployment | TrainingRun], example: str
) -> None:
    """A thousand resources are read in two seconds, on one slow core."""
    document: dict[str, Any] = yaml.safe_load((ROOT / f"examples/{example}.yaml").read_text())

    seconds = best_of(ROUNDS, lambda: kind.model_validate(document))

    print(f"\n{kind.__name__}: {seconds * 1e6:.0f} µs")  # noqa: T201 - the number is the point
    assert seconds < 0.002
