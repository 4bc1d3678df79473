"""What is said of rows before anything is trained on them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadsman_training.data import Split
from leadsman_training.quality import findings, report

ROWS = 40
HALF = np.arange(ROWS) % 2


def parted(target: Any, *, classes: bool = True, rows: int = ROWS, **columns: Any) -> Split:
    """Rows of which the last quarter is held out."""
    frame = pd.DataFrame({"age": np.arange(ROWS) % 7, **columns}).head(rows)
    wanted = pd.Series(np.asarray(target)[:rows], name="bought")
    cut = rows * 3 // 4
    return Split(frame[:cut], wanted[:cut], frame[cut:], wanted[cut:], classes)


@pytest.mark.parametrize(
    ("split", "check", "column"),
    [
        pytest.param(parted(HALF, rows=9), "rows", None, id="too few rows"),
        pytest.param(parted(np.ones(ROWS)), "constant target", "bought", id="one class"),
        pytest.param(parted(HALF, copy=HALF), "leakage", "copy", id="a copy"),
        pytest.param(
            parted(HALF, word=np.where(HALF == 1, "yes", "no")), "leakage", "word", id="renamed"
        ),
        pytest.param(
            parted(np.sin(np.arange(ROWS)), classes=False, cents=100 * np.sin(np.arange(ROWS)) + 1),
            "leakage", "cents", id="in other units",
        ),
    ],
)  # fmt: skip
def test_what_makes_results_worthless_ends_the_run(
    split: Split, check: str, column: str | None
) -> None:
    """It comes first, and names the column."""
    first = findings(split)[0]

    assert (first.check, first.column, first.is_fatal) == (check, column, True)


@pytest.mark.parametrize(
    ("split", "check", "column"),
    [
        pytest.param(parted(HALF, same=3), "constant", "same", id="constant"),
        pytest.param(parted(HALF, gone=[None] * ROWS), "constant", "gone", id="empty"),
        pytest.param(
            parted(HALF, few=np.where(np.arange(ROWS) < 30, np.nan, np.arange(ROWS))),
            "missing", "few", id="mostly missing",
        ),
        pytest.param(
            parted(np.where(np.arange(ROWS) == 39, 2, HALF)), "classes", "bought",
            id="a class that nobody can learn",
        ),
    ],
)  # fmt: skip
def test_what_is_odd_is_told(split: Split, check: str, column: str) -> None:
    """And the run goes on."""
    assert [(one.check, one.column, one.is_fatal) for one in findings(split)] == [
        (check, column, False)
    ]


def test_a_column_that_tells_much_is_no_copy() -> None:
    """It knows the class of each row, and is more than the class; so is a number that is near."""
    telling = parted(HALF, telling=10 * HALF + np.arange(ROWS) % 3)
    numbers = np.sin(np.arange(ROWS))
    near = parted(numbers, classes=False, near=numbers + 1e-3 * np.cos(np.arange(ROWS) * 7))

    assert findings(telling) == ()
    assert findings(near) == ()


def test_the_report_has_columns_and_findings() -> None:
    """As JSON, for people and programs."""
    split = parted(HALF, same=3)
    told = json.loads(report(split, findings(split)))

    assert (told["rows"], told["held_out"]) == (40, 10)
    assert told["columns"]["age"] == {"type": "int64", "missing": 0.0, "distinct": 7}
    assert told["findings"][0]["check"] == "constant"
