"""The examples that people start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadsman_api import ModelDeployment, parse_resource

EXAMPLES = Path(__file__).parents[3] / "examples"
FILES = ["modeldeployment-minimal", "modeldeployment", "trainingrun-minimal", "trainingrun"]


@pytest.mark.parametrize("name", FILES)
def test_an_example_is_a_valid_resource(name: str) -> None:
    """Each example is accepted as it stands, comments and all."""
    resource = parse_resource((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))

    assert resource.kind.lower() == name.partition("-")[0]


def test_the_minimal_example_gets_the_defaults_of_the_design() -> None:
    """What the smallest ModelDeployment leaves out is a canary in three steps."""
    text = (EXAMPLES / "modeldeployment-minimal.yaml").read_text(encoding="utf-8")

    deployment = parse_resource(text)

    assert isinstance(deployment, ModelDeployment)
    assert deployment.spec.rollout.steps == (10, 30, 60)
    assert deployment.spec.health.false_rollback_rate == 0.01
    assert [condition.name for condition in deployment.spec.health.conditions] == [
        "errors",
        "latency",
    ]
