"""The schema and the closed word lists: complete, documented, and such as Kubernetes takes them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from leadsman_api import ModelDeployment, TrainingRun
from leadsman_api.conditions import ConditionStatus, ConditionType
from leadsman_api.crdgen.manifest import crd, manifest
from leadsman_api.custom_resource import Resource
from leadsman_api.environment import MlflowVariable, Variable
from leadsman_api.labels import Annotation, Arm, Label, Tag
from leadsman_api.metrics import MetricLabel, OperatorMetric, ServingMetric
from leadsman_api.ports import Port
from leadsman_api.reasons import Reason
from leadsman_api.rules import Immutable, exactly_one_of, value_at
from leadsman_api.structural import structural_schema
from leadsman_api.studies import StudyAttribute, TrialAttribute
from leadsman_api.unions import escaped, merge_union
from leadsman_api.v1alpha1.shadow import Shadow
from leadsman_api.vocabulary import Term

# Reading 300 kB of YAML takes seconds without the library that PyYAML may be built with.
FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
KINDS: list[type[Resource]] = [ModelDeployment, TrainingRun]
WORDS: list[type[Term]] = [
    Annotation, Arm, ConditionStatus, ConditionType, Label, MetricLabel, MlflowVariable,
    OperatorMetric, Reason, ServingMetric, StudyAttribute, Tag, TrialAttribute, Variable,
]  # fmt: skip
# What a structural schema may not hold, or only in forms that are not ours.
FORBIDDEN = {"$ref", "$defs", "allOf", "discriminator", "title", "const", "prefixItems", "not"}
# The API server compares whole numbers with a bound as int64.
INT64 = 2**63


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of a schema, with its path."""
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from fields(part, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from fields(schema[key], f"{path}[]")


def parts() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of both schemas."""
    for kind in KINDS:
        yield from (
            (f"{kind.__name__}{path}", part) for path, part in fields(structural_schema(kind))
        )


def test_every_field_has_a_sentence() -> None:
    """`kubectl explain` has an answer for each field."""
    silent = [
        path
        for path, schema in parts()
        if not path.endswith("]") and ".metadata" not in path and not schema.get("description")
    ]

    assert silent == []


def test_every_sentence_ends() -> None:
    """A sentence ends with a full stop."""
    endless = [path for path, part in parts() if not part.get("description", ".").endswith(".")]

    assert endless == []


def test_the_schema_is_structural() -> None:
    """Each part has a type or says why not, and no keyword that the API server refuses."""
    for path, schema in parts():
        assert not FORBIDDEN & set(schema), path
        untyped = ("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")
        assert "type" in schema or any(schema.get(key) for key in untyped), path
        assert not ("properties" in schema and "additionalProperties" in schema), path


def test_every_list_and_text_of_a_spec_is_bounded() -> None:
    """Without bounds the API server can't estimate what the rules cost, and refuses them."""
    for path, schema in parts():
        if ".spec" not in path or "enum" in schema:
            continue
        if schema.get("type") == "string":
            assert "maxLength" in schema, path
        if schema.get("type") == "array":
            assert "maxItems" in schema, path
            assert "x-kubernetes-list-type" in schema, path


def test_no_bound_is_beyond_what_the_api_server_compares_with() -> None:
    """A bound beyond int64 would refuse every whole number."""
    for path, schema in parts():
        for key in ("minimum", "maximum"):
            assert -INT64 <= schema.get(key, 0) < INT64, path


def test_every_rule_says_what_to_write_and_names_a_field_that_exists() -> None:
    """A field path that leads nowhere would make the API server refuse the whole resource."""
    for path, schema in parts():
        for rule in schema.get("x-kubernetes-validations", ()):
            assert rule["message"], path
            part = schema
            for name in rule.get("fieldPath", "").split(".")[1:]:
                assert name in part["properties"], f"{path}{rule['fieldPath']}"
                part = part["properties"][name]


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_shows_a_field_that_exists(kind: type[Resource]) -> None:
    """A column of a field that is not there would be empty for ever."""
    known = {path for path, _ in fields(structural_schema(kind))}

    for column in kind.columns:
        stem = column.path.partition("[?")[0]
        assert stem in known or stem.startswith(".metadata"), column


@pytest.mark.parametrize("kind", KINDS)
def test_the_scale_paths_lead_to_fields(kind: type[Resource]) -> None:
    """`kubectl scale` reads and writes fields of the schema."""
    known = {path for path, _ in fields(structural_schema(kind))}

    assert {kind.scale.spec, kind.scale.status, kind.scale.selector} <= known


@pytest.mark.parametrize("kind", KINDS)
def test_the_manifest_is_the_crd(kind: type[Resource]) -> None:
    """What is committed reads as what was made, and fits the annotation of kubectl apply."""
    text = manifest(kind)

    assert yaml.load(text, FAST) == crd(kind)  # noqa: S506 - a SafeLoader
    assert "&id" not in text
    assert len(str(crd(kind))) < 262_144


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words.__name__)
def test_every_word_has_a_sentence_and_stands_once(words: type[Term]) -> None:
    """A word without a meaning, or with two, is none."""
    assert all(word.sentence.endswith(".") for word in words)
    assert len(words) == len(words.__members__)
    assert [word.value for word in words] == [str(word) for word in words]


def test_no_two_ports_of_a_pod_are_the_same() -> None:
    """Each port has a number of its own."""
    assert len(set(Port)) == len(Port.__members__)


def test_reasons_have_the_form_that_kubernetes_demands() -> None:
    """A reason is one word in camel case, as long as a condition allows."""
    for word in itertools.chain(Reason, ConditionType):
        assert word.isidentifier()
        assert word[0].isupper()
        assert len(word) <= 128


def test_a_union_whose_members_disagree_on_a_field_is_refused() -> None:
    """One property of the merged object can have one schema only."""
    members = [
        {
            "description": "A member.",
            "properties": {
                "type": {"type": "string", "enum": [name], "description": "Kind."},
                "max": {"type": kind},
            },
        }
        for name, kind in (("A", "number"), ("B", "string"))
    ]

    with pytest.raises(TypeError, match="max must be the same"):
        merge_union(members, "type")


def test_reserved_words_of_cel_are_escaped() -> None:
    """A field called `for` is `__for__` in a rule."""
    assert escaped("for") == "__for__"
    assert escaped("query") == "query"


def test_a_path_that_no_model_has_is_an_error() -> None:
    """A rule with a misspelt field fails in the first test that touches it."""
    with pytest.raises(AttributeError, match="has no field nonsense"):
        value_at(Shadow(), "nonsense")


def test_a_rule_over_one_field_reads_as_a_sentence() -> None:
    """A list of one word has no `or`."""
    assert exactly_one_of("alias").message == "write exactly one of alias"


def test_an_immutable_number_is_compared_with_its_default() -> None:
    """What an absent field means stands in the rule as CEL writes it."""
    immutable = Immutable(field="spec.search.seed", advice="make another one", default=0)

    assert immutable.on_presence["rule"] == (
        "(has(self.spec.search) && has(self.spec.search.seed) ? self.spec.search.seed : 0)"
        " == (has(oldSelf.spec.search) && has(oldSelf.spec.search.seed)"
        " ? oldSelf.spec.search.seed : 0)"
    )
