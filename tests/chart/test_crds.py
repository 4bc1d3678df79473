"""The chart of the custom resources: what helm renders is what the models say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml
from jsonschema import Draft4Validator

from support.helm import KUBERNETES, Helm, Manifest
from support.repository import ROOT

CHART = ROOT / "charts/leadsman-crds"
KEEP = "helm.sh/resource-policy"
PLURALS = ("modeldeployments", "trainingruns")


@pytest.fixture(scope="module")
def rendered(helm: Helm) -> dict[str, Manifest]:
    """The chart with its defaults: objects by the plural of the resource that they define."""
    return {document["spec"]["names"]["plural"]: document for document in helm.template(CHART)}


def schemas(crd: Manifest) -> Iterator[Manifest]:
    """The schema of each version of a CRD."""
    for version in crd["spec"]["versions"]:
        yield version["schema"]["openAPIV3Schema"]


def subschemas(schema: Manifest) -> Iterator[Manifest]:
    """A schema and all schemas of values below it."""
    yield schema
    children = [*schema.get("properties", {}).values()]
    children += [schema[key] for key in ("items", "additionalProperties") if key in schema]
    for child in children:
        if isinstance(child, dict):
            yield from subschemas(child)


def test_helm_has_no_complaints(helm: Helm) -> None:
    """`helm lint --strict` finds nothing."""
    result = helm.attempt("lint", "--strict", "--kube-version", KUBERNETES, str(CHART))

    assert result.returncode == 0, result.stdout + result.stderr


def test_both_resources_are_rendered(rendered: dict[str, Manifest]) -> None:
    """The chart holds the two CRDs and nothing else."""
    assert tuple(sorted(rendered)) == PLURALS
    assert {crd["kind"] for crd in rendered.values()} == {"CustomResourceDefinition"}
    assert {crd["apiVersion"] for crd in rendered.values()} == {"apiextensions.k8s.io/v1"}


@pytest.mark.parametrize("plural", PLURALS)
def test_the_chart_is_the_manifest(rendered: dict[str, Manifest], plural: str) -> None:
    """Rendered or applied as a plain manifest, the definition is the same."""
    manifest = yaml.safe_load((ROOT / f"crds/manifests/{plural}.yaml").read_text())

    assert rendered[plural]["spec"] == manifest["spec"]
    assert rendered[plural]["metadata"]["name"] == manifest["metadata"]["name"]


@pytest.mark.parametrize("plural", PLURALS)
def test_a_crd_is_what_the_api_server_asks_for(rendered: dict[str, Manifest], plural: str) -> None:
    """The name fits the group, exactly one version is stored, and status is a subresource."""
    crd = rendered[plural]
    versions = crd["spec"]["versions"]

    assert crd["metadata"]["name"] == f"{plural}.{crd['spec']['group']}"
    assert [version["storage"] for version in versions].count(True) == 1
    assert all("status" in version["subresources"] for version in versions if version["served"])


@pytest.mark.parametrize("plural", PLURALS)
def test_schemas_are_structural(rendered: dict[str, Manifest], plural: str) -> None:
    """Schemas are valid; every value has one type, and objects name their fields or are maps."""
    # OpenAPI 3.0 writes `exclusiveMinimum: true`, as the fourth draft of JSON Schema does.
    for schema in schemas(rendered[plural]):
        Draft4Validator.check_schema(schema)
        for part in subschemas(schema):
            assert "$ref" not in part
            free = {"x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"}
            assert "type" in part or free & part.keys(), part
            assert not {"properties", "additionalProperties"} <= part.keys(), part


@pytest.mark.parametrize("plural", PLURALS)
def test_every_field_is_explained(rendered: dict[str, Manifest], plural: str) -> None:
    """`kubectl explain` has a sentence for every field of spec and status."""
    for schema in schemas(rendered[plural]):
        for half in ("spec", "status"):
            for part in subschemas(schema["properties"][half]):
                unexplained = [
                    name
                    for name, field in part.get("properties", {}).items()
                    if not field.get("description")
                ]
                assert unexplained == []


@pytest.mark.parametrize(
    ("values", "kept"), [({}, True), ({"keep": True}, True), ({"keep": False}, False)]
)
def test_keep_decides_whether_uninstalling_removes(
    helm: Helm, values: dict[str, object], *, kept: bool
) -> None:
    """By default users' resources outlive the release; `keep: false` is a decision."""
    for crd in helm.template(CHART, values):
        annotations = crd["metadata"].get("annotations") or {}
        assert annotations.get(KEEP) == ("keep" if kept else None)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"kepe": True}, "kepe"),
        ({"keep": "yes"}, "keep"),
        ({"keep": None, "labels": {}}, "labels"),
    ],
    ids=["a misspelt key", "a wrong type", "an unknown key"],
)
def test_wrong_values_are_refused(helm: Helm, values: dict[str, object], named: str) -> None:
    """A value that the chart does not know is refused by name, not ignored."""
    result = helm.attempt_template(CHART, values)

    assert result.returncode != 0
    assert named in result.stderr


def test_a_parent_chart_may_set_globals(helm: Helm) -> None:
    """As a dependency the chart is handed `global` values, which it accepts."""
    assert len(helm.template(CHART, {"global": {"region": "north"}})) == len(PLURALS)


@pytest.mark.parametrize(("kubernetes", "accepted"), [("1.31.0", True), ("1.30.9", False)])
def test_clusters_that_are_too_old_are_refused(
    helm: Helm, kubernetes: str, *, accepted: bool
) -> None:
    """A cluster older than what the schemas need is refused before anything is installed."""
    result = helm.attempt_template(CHART, kubernetes=kubernetes)

    assert (result.returncode == 0) == accepted
    assert accepted or "kubeVersion" in result.stderr


def test_the_chart_has_the_version_of_the_models() -> None:
    """Chart and models are released together under one version."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert f'version = "{chart["version"]}"' in (ROOT / "crds/pyproject.toml").read_text()
    assert chart["appVersion"] == chart["version"]
