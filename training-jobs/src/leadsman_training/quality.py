"""What is wrong with rows that can be read: found before anything is trained on them.

Findings that make every result worthless end the run; the others stand in the report.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from leadsman_training.data import Split

FILE = "data_quality.json"
LEAST_ROWS = 10
_MOSTLY = 0.5
_SAME = 1 - 1e-12
"""Correlation from which two columns of numbers are one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about the data, and whether it ends the run."""

    check: str
    column: str | None
    message: str
    is_fatal: bool = False


def findings(split: Split) -> tuple[Finding, ...]:
    """All that is to be said, what ends the run first."""
    features = pd.concat([split.train_x, split.test_x])
    target = pd.concat([split.train_y, split.test_y])
    found = [
        *_rows(split, target),
        *_leaks(features, target, classes=split.classification),
        *_columns(features),
    ]
    return tuple(sorted(found, key=lambda one: not one.is_fatal))


def report(split: Split, found: tuple[Finding, ...]) -> str:
    """The file's text: counts, columns and findings."""
    features = pd.concat([split.train_x, split.test_x])
    columns = {
        str(name): {
            "type": str(values.dtype),
            "missing": round(float(values.isna().mean()), 6),
            "distinct": int(values.nunique()),
        }
        for name, values in features.items()
    }
    told = {
        "rows": len(features),
        "held_out": len(split.test_x),
        "findings": [asdict(one) for one in found],
        "columns": columns,
    }
    return json.dumps(told, indent=2)


def _rows(split: Split, target: pd.Series) -> Iterator[Finding]:
    if len(target) < LEAST_ROWS:
        message = f"there are {len(target)} rows, and {LEAST_ROWS} are the least to learn from"
        yield Finding("rows", None, message, is_fatal=True)
    if len(target) and (target == target.iloc[0]).all():
        message = f"the target is {target.iloc[0]!r} in every row: there is nothing to learn"
        yield Finding("constant target", str(target.name), message, is_fatal=True)
    if split.classification:
        unseen = sorted(str(one) for one in set(split.test_y) - set(split.train_y))
        if unseen:
            message = f"only held-out rows have the classes {', '.join(unseen[:5])}"
            yield Finding("classes", str(target.name), message)


def _leaks(features: pd.DataFrame, target: pd.Series, *, classes: bool) -> Iterator[Finding]:
    """Columns that are the target under another name: nobody has them when it is asked for."""
    if target.nunique() < 2:  # noqa: PLR2004 - a constant is a copy of any other
        return
    for name, values in features.items():
        same = _is_renamed(values, target) if classes else _is_scaled(values, target)
        if same:
            message = (
                f"the column {str(name)!r} is the target {str(target.name)!r} under another name:"
                " take it out by spec.data.exclude"
            )
            yield Finding("leakage", str(name), message, is_fatal=True)


def _is_renamed(values: pd.Series, target: pd.Series) -> bool:
    """Whether each class has one value of its own, and each value one class."""
    if values.isna().any() or values.nunique() != target.nunique():
        return False
    pairs = pd.DataFrame({"value": values.to_numpy(), "class": target.to_numpy()})
    return bool(len(pairs.drop_duplicates()) == target.nunique())


def _is_scaled(values: pd.Series, target: pd.Series) -> bool:
    """Whether numbers are the target's, in other units perhaps."""
    if not pd.api.types.is_numeric_dtype(values) or values.isna().any() or values.nunique() < 2:  # noqa: PLR2004 - no spread
        return False
    pairs = np.corrcoef(values.astype(float), target.astype(float))
    return bool(abs(pairs[0, 1]) >= _SAME)


def _columns(features: pd.DataFrame) -> Iterator[Finding]:
    for name, values in features.items():
        missing = float(values.isna().mean())
        if values.isna().all() or (values == values.iloc[0]).all():
            yield Finding("constant", str(name), f"the column {str(name)!r} has a single value")
        elif missing > _MOSTLY:
            message = f"the column {str(name)!r} has no value in {missing:.0%} of the rows"
            yield Finding("missing", str(name), message)
