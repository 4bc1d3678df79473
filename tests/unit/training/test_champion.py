"""What clients of the champion would notice of a new version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature, infer_signature

from leadsman_training.champion import check_signature

pytestmark = pytest.mark.filterwarnings("ignore:Hint. Inferred schema:UserWarning")
SAME = "the new version takes and gives what the champion does"


def signature(outputs: Any = (0, 1), **columns: Any) -> ModelSignature:
    """Of a model that was fitted on these columns."""
    return infer_signature(pd.DataFrame(columns), np.asarray(outputs))


def known() -> ModelSignature:
    """The champion's."""
    return signature(age=[1, 2], fare=[0.5, 1.5], plan=["a", "b"], seen=[1.0, None])


@pytest.mark.parametrize(
    ("new", "complaint"),
    [
        pytest.param(known, None, id="the same"),
        pytest.param(lambda: signature(age=[1, 2]), None, id="fewer columns"),
        pytest.param(lambda: signature(age=[1.5, 2.5]), None, id="a wider number"),
        pytest.param(
            lambda: signature(age=[1, 2], new=[1.0, None]), None, id="one that may be left out"
        ),
        pytest.param(lambda: signature((0.5, 1.0), age=[1, 2]), None, id="numbers of another type"),
        pytest.param(
            lambda: signature(age=[1, 2], region=["n", "s"]),
            "clients of the champion do not send region",
            id="another column",
        ),
        pytest.param(
            lambda: signature(fare=[1, 2]),
            "fare was double and would have to be long",
            id="narrower",
        ),
        pytest.param(
            lambda: signature(plan=[1, 2]),
            "plan was string and would have to be long",
            id="other type",
        ),
        pytest.param(
            lambda: signature(seen=[1.0, 2.0]),
            "seen may be left out by clients of the champion, and is needed now",
            id="needed",
        ),
        pytest.param(
            lambda: signature(("yes", "no"), age=[1, 2]),
            "the output was numbers and would be words",
            id="other output",
        ),
        pytest.param(lambda: None, "the new version has no signature", id="none"),
    ],
)
def test_a_changed_signature_is_refused(
    new: Callable[[], ModelSignature | None], complaint: str | None
) -> None:
    """What its clients send must do, and what they get must be what they read."""
    check = check_signature(known(), new())

    assert check.passed is (complaint is None)
    assert check.message == (complaint or SAME)


def test_without_a_signature_there_is_nothing_to_compare() -> None:
    """A champion of somebody else's, logged without one."""
    check = check_signature(None, known())

    assert check.passed
    assert check.message == "the champion has no signature to compare with"
