"""Several questions with one call get what each gets alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from leadsman_serving.calibration import answers_by_row
from leadsman_serving.joined import apart, joined, kind_of, taken
from leadsman_serving.question import Question
from leadsman_serving.table import Table
from leadsman_serving.together import Outcome, answers
from support.pretended_models import Rows, SumOfRow, pretended, question

numbers = st.integers(-1, 20).map(float)
rows = st.lists(st.lists(numbers, min_size=2, max_size=2), max_size=4)
asked = st.tuples(rows, st.sampled_from(["f8", "f4", "i8"]))


def said(outcome: Outcome) -> str:
    """What whoever asked gets, to be compared."""
    return repr(outcome)


@given(st.lists(asked, min_size=1, max_size=12), st.booleans())
def test_nobody_gets_anything_else_for_being_asked_with_others(
    several: list[tuple[Rows, str]],
    shares: bool,  # noqa: FBT001 - drawn
) -> None:
    """Good rows, rows that the model fails for, bodies without rows, of several types."""
    model = pretended(SumOfRow())
    questions = [question(rows, shares=shares, dtype=dtype) for rows, dtype in several]
    together = answers(model, questions)
    assert list(map(said, together)) == [said(answers(model, [one])[0]) for one in questions]


def test_those_of_one_kind_are_one_call() -> None:
    """Of eight questions six can be joined, and two of another type."""
    predictor = SumOfRow()
    asked = [question([[1, 2]], dtype="f4" if place in (2, 5) else "f8") for place in range(8)]
    answers(pretended(predictor), asked)
    assert sorted(predictor.calls) == [2, 6]


def test_one_that_fails_costs_the_others_few_calls() -> None:
    """It is found by halves: of 32, at most eleven calls are made."""
    predictor = SumOfRow()
    asked = [question([[1, -1 if place == 21 else 2]]) for place in range(32)]
    outcomes = answers(pretended(predictor), asked)
    assert [place for place, one in enumerate(outcomes) if isinstance(one, Exception)] == [21]
    assert len(predictor.calls) <= 11


def test_what_is_not_written_fails_alone() -> None:
    """A fault in one protocol's writing leaves the others their answers."""

    def unwritten(_predicted: object) -> bytes:
        raise KeyError("a bug")

    good = question([[1, 2]])
    bad = Question(1, good.table, unwritten)
    first, second, third = answers(pretended(SumOfRow()), [good, bad, good])
    assert isinstance(second, KeyError)
    assert first == third
    assert isinstance(first, bytes)


def words(*values: object) -> Table:
    """A column of words."""
    column = np.empty(len(values), object)
    column[:] = values
    return Table(columns={"word": column}, names=("word",))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Table(matrix=np.ones((1, 2))), Table(matrix=np.zeros((3, 2))), True),
        (Table(matrix=np.ones((1, 2))), Table(matrix=np.ones((1, 3))), False),
        (Table(matrix=np.ones((1, 2))), Table(matrix=np.ones((1, 2), np.float32)), False),
        (Table(matrix=np.ones((1, 2)), names=("a", "b")), Table(matrix=np.ones((1, 2))), False),
        (words("red"), words("blue", "red"), True),
        (words("red"), words(None), False),
        (words("red"), words("blue", None), False),
        (Table(columns={"t": np.array(["ab"])}), Table(columns={"t": np.array(["abc"])}), True),
        (Table(columns={"t": np.ones((1, 2))}), Table(columns={"t": np.ones((1, 4))}), False),
    ],
)  # fmt: skip
def test_only_what_stays_itself_is_of_one_kind(one: Table, other: Table, *, same: bool) -> None:
    """A gap among words, or a whole number among others, would become another value."""
    assert (kind_of(one) == kind_of(other)) is same
    if same:
        whole = joined([one, other])
        assert taken(whole, [0]).frame().equals(one.frame()) or one.columns is not None
        assert kind_of(whole) == kind_of(one)


@pytest.mark.parametrize(
    "values", [np.arange(6), list(range(6)), np.arange(12).reshape(6, 2)], ids=type
)
def test_answers_are_told_apart_by_rows(values: Any) -> None:
    """Each table gets as many as it has rows, in order."""
    parts = apart(values, [1, 3, 2])
    assert [len(part) for part in parts] == [1, 3, 2]
    assert np.array_equal(np.concatenate(parts), values)


class OfAll(SumOfRow):
    """Looks at all rows of a call."""

    @override
    def predict(self, table: Table, params: object = None) -> Any:
        """How far each row's sum lies from the mean of all."""
        del params
        sums = table.array().sum(axis=1)
        return sums - sums.mean()


class InAnotherOrder(SumOfRow):
    """Differs in the last bit when there are several rows."""

    @override
    def predict(self, table: Table, params: object = None) -> Any:
        """The sum, a little more for many."""
        del params
        sums = super().predict(table)
        return np.nextafter(sums, np.inf) if len(sums) > 4 else sums


class OneForAll(SumOfRow):
    """Gives one answer for a whole call."""

    @override
    def predict(self, table: Table, params: object = None) -> Any:
        """A sum."""
        del params
        return super().predict(table).sum(keepdims=True)


@pytest.mark.parametrize(
    ("model", "joins"),
    [
        (pretended(SumOfRow()), True),
        (pretended(OfAll()), False),
        (pretended(InAnotherOrder()), False),
        (pretended(OneForAll()), False),
        (pretended(SumOfRow(), example=[]), False),
        (pretended(SumOfRow(), flavor="python_function"), False),
    ],
    ids=["by row", "of all rows", "another last bit", "one for all", "no example", "code"],
)
def test_only_models_that_were_seen_to_answer_by_row_are_joined(model: Any, *, joins: bool) -> None:
    """Whatever can't be proven on the example is asked one request at a time."""
    assert answers_by_row(model) is joins
