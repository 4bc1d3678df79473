"""A resource as the API server has it, with the status of this or of another operator."""

from __future__ import annotations

from typing import Any

from leadsman_api import ModelDeployment
from leadsman_api.v1alpha1.model_deployment_status import ModelDeploymentStatus
from leadsman_operator.observe.resources import parsed
from support.deployments import Bench, a_version, counters


def in_a_rollout() -> dict[str, Any]:
    """A manifest whose status has evidence."""
    bench = Bench()
    bench.settle()
    bench.version = a_version(2)
    bench.serve(stable=counters(10), candidate=counters())
    bench.settle()
    manifest = bench.resource.to_wire()
    assert manifest["status"]["evidence"]["memory"]
    return manifest


def read(manifest: dict[str, Any]) -> ModelDeploymentStatus:
    """What the operator makes of a status."""
    resource = parsed(manifest)
    assert isinstance(resource, ModelDeployment)
    return resource.status


def test_a_status_is_read() -> None:
    """With all that was counted."""
    assert read(in_a_rollout()).evidence is not None


def test_evidence_in_the_form_of_another_operator_is_gathered_anew() -> None:
    """Who serves, and who was rolled back, is known all the same: no model is tried by mistake."""
    manifest = in_a_rollout()
    kept = read(manifest).model_copy(update={"evidence": None})
    manifest["status"]["evidence"]["memory"] = {"of": "another operator"}
    assert read(manifest) == kept
    assert kept.stable is not None


def test_a_status_that_nobody_understands_counts_as_none() -> None:
    """What matters is found out again."""
    assert read({**in_a_rollout(), "status": {"of": "another operator"}}).stable is None
