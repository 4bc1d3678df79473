"""Encoders of very many categories are asked for them together: a pod must not wait for that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from leadsman_serving.columns import Column
from leadsman_serving.plans.features_of_words import words_block
from leadsman_serving.schema import Schema

MANY = [[f"a{number}", f"b{number % 400}"] for number in range(900)]


@pytest.mark.parametrize(
    "encoder",
    [OrdinalEncoder(), OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
     OneHotEncoder(), OneHotEncoder(handle_unknown="ignore")],
    ids=["ordinal", "ordinal, forgiving", "one hot", "one hot, forgiving"],
)  # fmt: skip
def test_known_categories_are_asked_for_together(encoder: Any) -> None:
    """Also where gaps and unknown values are refused."""
    fitted = clone(encoder).fit(np.array(MANY, dtype=object))
    asked: list[int] = []
    transform = fitted.transform

    def counted(rows: Any) -> Any:
        asked.append(len(rows))
        return transform(rows)

    def keep(table: Any) -> str:
        return str(np.shape(table))

    fitted.transform = counted
    schema = Schema(columns=(Column(name=None, type="string"), Column(name=None, type="string")))

    block = words_block([fitted], schema, (0, 1), keep)

    assert [len(column["values"]) for column in block["columns"]] == [900, 400]
    assert max(asked) == 900
    assert len(asked) < 20
