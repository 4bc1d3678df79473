"""Typed values: durations, quantities, and what resources say by properties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from leadsman_api import TrainingRun, parse_resource
from leadsman_api.durations import format_duration, parse_duration
from leadsman_api.v1alpha1.data import DataSource
from leadsman_api.v1alpha1.space import Choices
from leadsman_api.values import Duration, Quantity, Time

RUN: dict[str, Any] = {
    "apiVersion": "leadsman.dev/v1alpha1",
    "kind": "TrainingRun",
    "metadata": {"name": "churn"},
    "spec": {
        "model": {"name": "churn"},
        "data": {"source": {"uri": "sklearn://iris"}, "target": "target"},
        "objective": {"metric": "accuracy"},
    },
}


def run_with(**spec: Any) -> TrainingRun:
    """A TrainingRun with these parts of its spec."""
    run = parse_resource(RUN | {"spec": RUN["spec"] | spec})
    assert isinstance(run, TrainingRun)
    return run


@pytest.mark.parametrize(
    ("text", "duration", "shortest"),
    [
        ("90s", timedelta(seconds=90), "1m30s"),
        ("30m", timedelta(minutes=30), "30m"),
        ("1h30m", timedelta(minutes=90), "1h30m"),
        ("250ms", timedelta(milliseconds=250), "250ms"),
        ("0s", timedelta(0), "0s"),
        ("0h0m0s0ms", timedelta(0), "0s"),
    ],
)
def test_a_duration_is_read_and_written_in_its_shortest_form(
    text: str, duration: timedelta, shortest: str
) -> None:
    """`90s` is one minute and a half, and is written so."""
    assert parse_duration(text) == duration
    assert format_duration(duration) == shortest


@pytest.mark.parametrize("text", ["", "5", "1d", "-1s", "1.5h", "1m1h", "1s ", "1s\n", "\u0661s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Units are needed, in their order, and nothing else."""
    with pytest.raises(ValueError, match="write a duration such as"):
        parse_duration(text)


@given(
    st.tuples(
        st.integers(0, 999_999),
        st.integers(0, 9_999_999),
        st.integers(0, 999_999_999),
        st.integers(0, 999_999_999),
    )
)
def test_any_duration_that_can_be_read_can_be_written(amounts: tuple[int, int, int, int]) -> None:
    """Each is written in digits that the schema allows, however they carry over."""
    hours, minutes, seconds, milliseconds = amounts
    duration = parse_duration(f"{hours}h{minutes}m{seconds}s{milliseconds}ms")

    assert parse_duration(format_duration(duration)) == duration


def test_a_duration_is_taken_from_python_too() -> None:
    """Code gives a timedelta, but none below nothing."""
    adapter: TypeAdapter[timedelta] = TypeAdapter(Duration)

    assert adapter.validate_python(timedelta(seconds=3)) == timedelta(seconds=3)
    with pytest.raises(ValidationError, match="write a duration"):
        adapter.validate_python(timedelta(seconds=-3))


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("250m", Decimal("0.25")),
        ("2", Decimal(2)),
        ("1.5Gi", Decimal(3 * 2**29)),
        ("512Mi", Decimal(2**29)),
        ("3k", Decimal(3000)),
        ("1Pi", Decimal(2**50)),
    ],
)
def test_a_quantity_knows_its_amount(text: str, amount: Decimal) -> None:
    """Quantities of different units compare by their amounts."""
    assert Quantity(text).amount == amount


@pytest.mark.parametrize(
    ("text", "multiple"), [("2Gi", "8Gi"), ("1.5Gi", "6.0Gi"), ("500m", "2000m"), ("7", "28")]
)
def test_a_quantity_is_multiplied_in_its_own_unit(text: str, multiple: str) -> None:
    """As people would write it."""
    found = Quantity(text).times(4)

    assert found == multiple
    assert found.amount == 4 * Quantity(text).amount


@pytest.mark.parametrize("value", [True, False, None, 1.5, "1 Gi", "1e3", "-1", "1Gi\n", ""])
def test_what_is_no_quantity_is_refused(value: object) -> None:
    """A quantity is a text or a whole number."""
    with pytest.raises(ValidationError, match="write a quantity"):
        TypeAdapter(Quantity).validate_python(value)


def test_a_time_is_written_in_utc() -> None:
    """The wire has one form of a time."""
    moment = datetime(2026, 11, 23, 9, tzinfo=UTC)

    assert TypeAdapter(Time).dump_python(moment) == "2026-11-23T09:00:00Z"


def test_choices_keep_their_types() -> None:
    """`1` and `true` are different choices, though Python holds them equal."""
    choices: TypeAdapter[Any] = TypeAdapter(Choices)

    assert [type(value) for value in choices.validate_json('[1, true, 1.0, "1", null]')] == [
        int, bool, float, str, type(None),
    ]  # fmt: skip


def test_a_data_source_knows_its_scheme() -> None:
    """The part before `://` says how data is read."""
    assert DataSource(uri="dvc+https://host/repo@main:a.csv").scheme == "dvc+https"


def test_a_search_that_was_left_out_has_its_defaults() -> None:
    """The search that is meant has 100 trials on 4 workers."""
    search = run_with().spec.effective_search

    assert search is not None
    assert (search.trials, search.parallelism, search.pruner) == (100, 4, "Hyperband")


def test_several_objectives_are_searched_without_pruning() -> None:
    """Optuna can prune for one objective only."""
    run = run_with(objective={"metric": "accuracy", "additional": [{"metric": "latency"}]})

    assert run.spec.effective_search is not None
    assert run.spec.effective_search.pruner == "None"


def test_a_search_that_was_written_is_the_one_that_is_meant() -> None:
    """What the user wrote is never replaced."""
    run = run_with(search={"trials": 7})

    assert run.spec.effective_search is run.spec.search


def test_a_reproduction_searches_nothing() -> None:
    """Its parameters come from what was recorded."""
    assert run_with(reproduce={"version": 7}).spec.effective_search is None
