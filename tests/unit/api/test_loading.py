"""Reading resources: what is refused before the models see it, and how problems are named."""

from __future__ import annotations

from typing import Any

import pytest

from leadsman_api import InvalidResource, ModelDeployment, check_update, parse_resource

MINIMAL = """
apiVersion: leadsman.dev/v1alpha1
kind: ModelDeployment
metadata: {name: churn}
spec: {model: {name: churn, alias: champion}}
"""


def problems(source: str | dict[str, Any]) -> dict[str, str]:
    """The messages of an invalid resource, by path."""
    with pytest.raises(InvalidResource) as caught:
        parse_resource(source)
    return {problem.path: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize("text", ["", "just words", "- a\n- list", "7"])
def test_a_text_that_is_no_resource_is_refused(text: str) -> None:
    """Whatever is no mapping is told what a resource is made of."""
    assert problems(text) == {"": "write a resource: apiVersion, kind, metadata, spec"}


def test_broken_yaml_is_refused_with_its_place() -> None:
    """The message of a text that is no YAML names line and column."""
    assert "line 1, column" in problems("spec: {model: [}")[""]


def test_a_field_that_is_written_twice_is_refused() -> None:
    """The second one would win silently; the message has its line."""
    assert problems("kind: ModelDeployment\nkind: TrainingRun") == {
        "": "line 2 writes kind a second time"
    }


@pytest.mark.parametrize("key", ["[a, b]", "{a: b}"])
def test_a_key_that_is_no_word_is_refused(key: str) -> None:
    """YAML allows lists and mappings as keys, JSON does not."""
    assert "" in problems(f"? {key}\n: value")


def test_merge_keys_are_read_and_may_be_overridden() -> None:
    """A key beside `<<` is no second time."""
    text = MINIMAL.replace("model: {name: churn,", "model: {<<: {name: churn}, name: fraud,")

    resource = parse_resource(text)

    assert resource.spec.model.name == "fraud"


def test_another_kind_and_version_are_refused_together() -> None:
    """Both are named at once."""
    assert problems({"apiVersion": "v1", "kind": "Pod"}) == {
        "apiVersion": "write leadsman.dev/v1alpha1",
        "kind": "write ModelDeployment or TrainingRun",
    }


def test_a_kind_that_is_no_word_is_refused() -> None:
    """A kind of any form is answered, not raised on."""
    assert "kind" in problems({"apiVersion": "leadsman.dev/v1alpha1", "kind": ["Pod"]})


def test_values_that_json_can_not_say_are_refused() -> None:
    """A mapping from Python may hold anything; what is no JSON is a problem like others."""
    document = {"apiVersion": "leadsman.dev/v1alpha1", "kind": "TrainingRun", "spec": {1, 2}}

    assert "no JSON" in problems(document)[""]


def test_a_date_stays_the_text_that_was_written() -> None:
    """PyYAML would make a date of a name; the API server does not."""
    resource = parse_resource(MINIMAL.replace("alias: champion", "alias: a-2026-11-23"))
    dated = parse_resource(MINIMAL + "status: {observedGeneration: 3, message: 2026-11-23}")

    assert isinstance(resource, ModelDeployment)
    assert isinstance(dated, ModelDeployment)
    assert resource.spec.model.alias == "a-2026-11-23"
    assert dated.status.message == "2026-11-23"


def test_every_problem_is_named_at_once() -> None:
    """Three faults give three lines, each with its path."""
    text = MINIMAL.replace(
        "spec: {", "spec: {scaling: {minReplicas: x, surge: 1}, rollout: {steps: [200]}, "
    )

    with pytest.raises(InvalidResource) as caught:
        parse_resource(text)

    assert str(caught.value).splitlines() == [
        "spec.scaling.minReplicas: 'x' should be a valid integer",
        "spec.scaling.surge: unknown field, the fields here are minReplicas, maxReplicas, targets",
        "spec.rollout.steps[0]: 200 should be less than or equal to 100",
    ]


def test_an_object_or_a_list_in_place_of_a_value_is_not_repeated() -> None:
    """The message says what stands there in one word."""
    found = problems(MINIMAL.replace("alias: champion", "alias: {a: b}, version: [1]"))

    assert found["spec.model.alias"].startswith("an object should be")
    assert found["spec.model.version"].startswith("a list should be")


@pytest.mark.parametrize("conditions", ["5", "[5]", "[[]]", "{a: b}", "[{type: {a: b}}]"])
def test_a_list_of_the_wrong_form_is_named_by_its_path(conditions: str) -> None:
    """Nothing a user can write for a union of types ends in another exception."""
    text = MINIMAL.replace("spec: {", f"spec: {{health: {{conditions: {conditions}}}, ")

    assert all(path.startswith("spec.health.conditions") for path in problems(text))


def test_what_the_api_server_adds_to_an_object_is_read() -> None:
    """An object as `kubectl get -o yaml` prints it is a valid resource."""
    resource = parse_resource(
        MINIMAL.replace(
            "{name: churn}",
            "{name: churn, uid: u-1, generation: 3, resourceVersion: '7', managedFields: [],"
            " creationTimestamp: '2026-11-23T09:00:00Z', selfLink: null}",
        )
    )

    assert resource.metadata.generation == 3
    assert resource.to_wire()["metadata"]["creationTimestamp"] == "2026-11-23T09:00:00Z"


def test_an_update_that_changes_nothing_immutable_passes() -> None:
    """The same resource may always be written again."""
    resource = parse_resource(MINIMAL)

    check_update(resource, resource)


def test_an_update_can_not_change_the_kind() -> None:
    """Two kinds have nothing that could be compared."""
    run = parse_resource("""
        apiVersion: leadsman.dev/v1alpha1
        kind: TrainingRun
        metadata: {name: churn}
        spec:
          model: {name: churn}
          data: {source: {uri: "sklearn://iris"}, target: target}
          objective: {metric: accuracy}
    """)

    with pytest.raises(InvalidResource, match="kind: can't be changed"):
        check_update(run, parse_resource(MINIMAL))
