"""The table of accepted and refused resources, run against the models."""

from __future__ import annotations

import pytest

from leadsman_api import InvalidResource, check_update, parse_resource
from support.contract_cases import Case, cases

CASES = [case for case in cases() if case.concerns("pydantic")]


def judge(case: Case) -> None:
    """Read the resource and, where there is one, its update."""
    resource = parse_resource(case.resource)
    if case.update is not None:
        check_update(parse_resource(case.update), resource)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.refusal is None], ids=lambda case: case.sentence
)
def test_the_models_accept(case: Case) -> None:
    """What the table accepts is accepted."""
    judge(case)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.refusal], ids=lambda case: case.sentence
)
def test_the_models_refuse_and_say_what_to_write(case: Case) -> None:
    """What the table refuses is refused, by the name of the field and with advice."""
    with pytest.raises(InvalidResource) as caught:
        judge(case)

    assert case.refusal is not None
    said = {problem.path: problem.message for problem in caught.value.problems}
    assert case.refusal.path("pydantic") in said, said
    assert case.refusal.fragment("pydantic") in said[case.refusal.path("pydantic")]


def test_the_table_is_large_and_says_each_thing_once() -> None:
    """There are more than 60 cases, each with a sentence of its own."""
    sentences = [case.sentence for case in cases()]

    assert len(sentences) > 60
    assert len(sentences) == len(set(sentences))
