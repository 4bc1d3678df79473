"""Many rows by a typed decoder: what it reads is what the general way reads."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsman_serving.columns import Column
from leadsman_serving.errors import BadRequest
from leadsman_serving.protocols import invocations, kserve, predict
from leadsman_serving.protocols.float_rows import read_rows
from leadsman_serving.protocols.written import read_json
from leadsman_serving.schema import Schema
from leadsman_serving.table import FloatRows

NAMES = ("a", "b", "c")
SCHEMA = Schema(tuple(Column(name, "double") for name in NAMES))
PLAIN = ("rows", "inputs", "instances")
NUMBERS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**70), 2**70))
ODD = st.sampled_from([None, True, "1", [1.0], {"a": 1.0}, 1e308 * 10, 10**400])
ROWS = st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=5)
ODD_ROWS = st.lists(st.lists(st.one_of(NUMBERS, ODD), max_size=4), max_size=3)
SHUFFLED = st.permutations(NAMES)


def told(content: Any) -> object:
    """The matrix that each protocol makes of a body, or what it says is wrong."""
    try:
        if "rows" in content:
            rows: Any = predict.parse(content).rows
        elif "instances" in content:
            rows = kserve.parse(content, SCHEMA, ()).rows
        else:
            rows = invocations.of_json(content, SCHEMA).rows
        return SCHEMA.table(rows).array().tolist()
    except BadRequest as error:
        return error.message


@given(st.sampled_from(PLAIN), st.one_of(ROWS, ODD_ROWS))
def test_rows_are_read_as_in_the_general_way(name: str, rows: list[Any]) -> None:
    """The same numbers to the last bit, and the same words for what is wrong."""
    body = json.dumps({name: rows}).encode()

    assert repr(told(read_rows(body, SCHEMA))) == repr(told(read_json(body)))


@given(SHUFFLED, ROWS)
def test_columns_in_any_order_are_read_as_in_the_general_way(
    columns: list[str], rows: list[Any]
) -> None:
    """MLflow's form says itself which column is which."""
    body = json.dumps({"dataframe_split": {"columns": columns, "data": rows}}).encode()

    assert repr(told(read_rows(body, SCHEMA))) == repr(told(read_json(body)))


@pytest.mark.parametrize("name", PLAIN)
def test_plain_rows_are_read_by_the_decoder(name: str) -> None:
    """Else nothing was gained, and the tests above would compare a way with itself."""
    content = read_rows(json.dumps({name: [[1, 2.5, 3]]}).encode(), SCHEMA)

    assert type(content[name]) is FloatRows
    np.testing.assert_array_equal(content[name].matrix(), [[1.0, 2.5, 3.0]])


@pytest.mark.parametrize(
    "schema",
    [Schema((Column("a", "double"),)), Schema((Column("a", "long"), Column("b", "double")))],
)
def test_other_models_are_asked_in_the_general_way(schema: Schema) -> None:
    """One column may be written without lists, and integers are no floats."""
    content = read_rows(b'{"rows": [[1, 2]]}', schema)

    assert type(content["rows"]) is list
