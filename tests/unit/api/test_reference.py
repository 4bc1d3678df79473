"""What is generated beside the manifests: the reference page and the chart's templates."""

from __future__ import annotations

from functools import cache

import pytest

from leadsman_api import ModelDeployment, TrainingRun
from leadsman_api.crdgen import generated_files
from leadsman_api.crdgen.manifest import manifest
from leadsman_api.crdgen.reference import reference
from leadsman_api.reasons import Reason


@cache
def page() -> str:
    """The reference page."""
    return reference([ModelDeployment, TrainingRun])


@pytest.mark.parametrize(
    "line",
    [
        "| `spec.rollout.steps` | list of integer ≥ 1, ≤ 100 | `[10, 30, 60]` | Percent",
        "| `spec.model.name` | string |  | **needed** Name of the registered model. |",
        "| `spec.serving.resources.requests` | map of quantity |  |",
        "| `spec.health.falseRollbackRate` | number > 0, ≤ 0.5 | `0.01` |",
        "| `spec.health.conditions[].quantile` | number > 0, < 1 |  |",
        "| `spec.search.space.*.int` | list of integer ≥ -9.0072e+15",
        "| `status.conditions[].lastTransitionTime` | time |  | **needed** When status",
        "- `spec.scaling.minReplicas`: minReplicas must not be above maxReplicas",
        "- `spec.data`: spec.data can't be changed: make another TrainingRun",
    ],
)
def test_the_page_has_the_field(line: str) -> None:
    """Types with their bounds, defaults, needed fields and rules stand on the page."""
    assert line in page()


def test_the_page_documents_every_reason() -> None:
    """Whoever sees a reason in a condition or an event finds its meaning."""
    for reason in Reason:
        assert f"| `{reason}` |" in page()


def test_the_embedded_spec_stands_on_the_page_once() -> None:
    """The template of a retraining is the spec of a TrainingRun, which has its own section."""
    assert "spec.retraining.template` |" in page()
    assert "spec.retraining.template.data" not in page()


def test_every_chart_template_is_the_manifest_with_the_annotation_that_keeps_it() -> None:
    """Without Helm's lines the template is the manifest."""
    files = generated_files()
    name = "modeldeployments.yaml"

    template = files[f"charts/leadsman-crds/templates/{name}"]

    lines = [line for line in template.splitlines() if "{{" not in line]
    lines.remove("  annotations:")
    lines.remove("    helm.sh/resource-policy: keep")
    assert "\n".join(lines) + "\n" == files[f"crds/manifests/{name}"]
    assert files[f"crds/manifests/{name}"] == manifest(ModelDeployment)
