"""What is said of rows before anything is trained on them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadsman_api.v1alpha1.data import DriftCheck
from leadsman_training.data import Split
from leadsman_training.quality import Finding, fatal_findings, report
from leadsman_training.quality import findings as all_findings
from leadsman_training.spread import Drift, drift_of, profile_of

ROWS = 40
HALF = np.arange(ROWS) % 2


def parted(target: Any, *, classes: bool = True, rows: int = ROWS, **columns: Any) -> Split:
    """Rows of which the last quarter is held out."""
    usual = {"age": np.arange(ROWS) % 7, "weight": np.random.default_rng(1).normal(size=ROWS)}
    frame = pd.DataFrame({**usual, **columns}).head(rows)
    wanted = pd.Series(np.asarray(target)[:rows], name="bought")
    cut = rows * 3 // 4
    return Split(frame[:cut], wanted[:cut], frame[cut:], wanted[cut:], classes)


def findings(split: Split, drift: Drift | None = None, **check: Any) -> tuple[Finding, ...]:
    """What is said of a split, as the spec asks for it."""
    return all_findings(split, drift, DriftCheck.model_validate(check))


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
    assert fatal_findings(split)[0] == first


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
    assert fatal_findings(split) == ()
    assert [(one.check, one.column, one.is_fatal) for one in findings(split)] == [
        (check, column, False)
    ]


NUMBERS = np.sin(np.arange(ROWS))
NOISE = np.cos(np.arange(ROWS) * 7)


@pytest.mark.parametrize(
    ("split", "column", "measure"),
    [
        pytest.param(
            parted(HALF, telling=10 * HALF + np.arange(ROWS) % 3),
            "telling", "balanced accuracy of 1.0000", id="classes by a number",
        ),
        pytest.param(
            parted(HALF, word=[f"{'yn'[half]} {row % 3}" for row, half in enumerate(HALF)]),
            "word", "balanced accuracy of 1.0000", id="classes by words",
        ),
        pytest.param(
            parted(NUMBERS, classes=False, near=NUMBERS + 1e-3 * NOISE),
            "near", "R2 of 0.9", id="numbers",
        ),
    ],
)  # fmt: skip
def test_a_column_that_alone_tells_nearly_all_is_told(
    split: Split, column: str, measure: str
) -> None:
    """It is more than the answer under another name, so that the run goes on."""
    (found,) = findings(split)

    assert (found.check, found.column, found.is_fatal) == ("leakage", column, False)
    assert measure in found.message


@pytest.mark.parametrize(
    "split",
    [
        pytest.param(parted(HALF, much=HALF + NOISE), id="much"),
        pytest.param(parted(NUMBERS, classes=False, much=NUMBERS + NOISE), id="a number"),
        pytest.param(parted(HALF, id=[f"customer {row}" for row in range(ROWS)]), id="names"),
        pytest.param(
            parted(HALF, late=np.where(np.arange(ROWS) < 30, HALF, NOISE)), id="no longer"
        ),
    ],
)
def test_a_column_that_tells_much_is_no_finding(split: Split) -> None:
    """Neither is one that only names the rows, or says nothing of those held out."""
    assert findings(split) == ()


def test_held_out_rows_that_are_learnt_from_are_counted() -> None:
    """With their answer: of two equal rows with different answers one is news."""
    rows, twenty = np.arange(ROWS), np.arange(ROWS) % 20
    split = parted(twenty // 2 % 2, age=twenty, weight=twenty * 1.5)
    answers = np.where(rows < 30, twenty // 2 % 2, 1 - twenty // 2 % 2)
    other = parted(answers, age=twenty, weight=twenty * 1.5)

    (found,) = [one for one in findings(split) if one.check == "repeated rows"]
    assert found.message == "10 of 10 held-out rows are also among those to learn from"
    assert [one for one in findings(other) if one.check == "repeated rows"] == []


def test_the_report_has_columns_and_findings() -> None:
    """As JSON, for people and programs."""
    split = parted(HALF, same=3)
    told = json.loads(report(split, findings(split)))
    assert told["drift"] is None

    assert (told["rows"], told["held_out"]) == (40, 10)
    assert told["columns"]["age"] == {"type": "int64", "missing": 0.0, "distinct": 7}
    assert told["findings"][0]["check"] == "constant"


def a_version(**columns: Any) -> Drift:
    """What the rows of a version say of those that are there now."""
    before = parted(HALF, rate=NUMBERS, plan=np.where(HALF == 1, "a", "b"))
    now = parted(HALF, **columns)
    return drift_of(now, profile_of(before, before.test_y), 7)


def test_columns_that_have_moved_are_named() -> None:
    """The farthest first, with the version that they are compared with."""
    drift = a_version(rate=NUMBERS + 9, plan=["c"] * ROWS)
    split = parted(HALF)
    found = [one for one in findings(split, drift) if one.check == "drift"]

    assert [(one.column, one.is_fatal) for one in found] == [("plan", False), ("rate", False)]
    assert "data of version 7: its population stability index is" in found[0].message
    assert found[0].message.endswith(", above 0.2")
    assert json.loads(report(split, found, drift))["drift"]["instabilities"]["age"] == 0.0
    strict = findings(split, drift, action="Fail")
    assert [one.column for one in strict if one.is_fatal] == ["plan", "rate"]
    assert all(one.check != "drift" for one in findings(split, drift, psi=10))


def test_a_column_that_is_gone_has_drifted() -> None:
    """And so has one of words that were numbers."""
    drift = a_version(plan=HALF)
    found = [one for one in findings(parted(HALF), drift) if one.check == "drift"]

    assert [one.column for one in found] == ["rate", "plan"]
    assert found[0].message == "version 7 has learnt from a column 'rate' of another kind"
