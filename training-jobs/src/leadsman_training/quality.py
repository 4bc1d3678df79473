"""What is wrong with rows that can be read: found before anything is trained on them.

Findings that make every result worthless end the run; the others stand in the report.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import pandas as pd

from leadsman_api.v1alpha1.data import DriftCheck, OnDrift
from leadsman_training.data import Split
from leadsman_training.leakage import copies, repeated, tells_nearly_all
from leadsman_training.spread import Drift

FILE = "data_quality.json"
LEAST_ROWS = 10
_MOSTLY = 0.5
_REPEATED = 0.01
"""Share of the held-out rows from which those that are learnt from as well are told."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about the data, and whether it ends the run."""

    check: str
    column: str | None
    message: str
    is_fatal: bool = False


def fatal_findings(split: Split) -> tuple[Finding, ...]:
    """What makes every result worthless; quick, so that every process may look."""
    return tuple(one for one in _certain(split) if one.is_fatal)


def findings(split: Split, drift: Drift | None, check: DriftCheck) -> tuple[Finding, ...]:
    """All that is to be said, what ends the run first.

    `drift` is None where there is no champion whose data is known.
    """
    found = [
        *_certain(split),
        *_leaks(split),
        *(_drifts(drift, check) if drift is not None else ()),
        *_columns(pd.concat([split.train_x, split.test_x])),
    ]
    return tuple(sorted(found, key=lambda one: not one.is_fatal))


def report(split: Split, found: Sequence[Finding], drift: Drift | None = None) -> str:
    """The file's text: counts, columns, findings and how far each column is from the champion's."""
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
        "drift": asdict(drift) if drift is not None else None,
    }
    return json.dumps(told, indent=2)


def _certain(split: Split) -> Iterator[Finding]:
    """What is wrong for sure: the rows, and columns that are the target."""
    features = pd.concat([split.train_x, split.test_x])
    target = pd.concat([split.train_y, split.test_y])
    yield from _rows(split, target)
    yield from _copies(features, target, classes=split.classification)


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


def _copies(features: pd.DataFrame, target: pd.Series, *, classes: bool) -> Iterator[Finding]:
    for name in copies(features, target, classes=classes):
        message = (
            f"the column {name!r} is the target {str(target.name)!r} under another name:"
            " take it out by spec.data.exclude"
        )
        yield Finding("leakage", name, message, is_fatal=True)


def _leaks(split: Split) -> Iterator[Finding]:
    """What makes results look better than they are, without being sure of it."""
    for name, worth in tells_nearly_all(split):
        measure = "balanced accuracy" if split.classification else "R2"
        message = (
            f"the column {name!r} alone foretells {str(split.train_y.name)!r} with a {measure} of"
            f" {worth:.4f}: is it known before the answer is? If not, take it out by"
            " spec.data.exclude"
        )
        yield Finding("leakage", name, message)
    again, rows = repeated(split), len(split.test_x)
    if rows and again >= _REPEATED * rows:
        message = f"{again} of {rows} held-out rows are also among those to learn from"
        yield Finding("repeated rows", None, message)


def _drifts(drift: Drift, check: DriftCheck) -> Iterator[Finding]:
    """Columns whose values are spread otherwise than those that the champion learnt from."""
    ends = check.action is OnDrift.FAIL
    for name, index in sorted(drift.instabilities.items(), key=lambda one: -one[1]):
        if index > check.psi:
            message = (
                f"the column {name!r} is spread otherwise than in the data of version"
                f" {drift.version}: its population stability index is {index:.3g}, above"
                f" {check.psi:g}"
            )
            yield Finding("drift", name, message, is_fatal=ends)
    for name in drift.gone:
        message = f"version {drift.version} has learnt from a column {name!r} of another kind"
        yield Finding("drift", name, message, is_fatal=ends)


def _columns(features: pd.DataFrame) -> Iterator[Finding]:
    for name, values in features.items():
        missing = float(values.isna().mean())
        if values.isna().all() or (values == values.iloc[0]).all():
            yield Finding("constant", str(name), f"the column {str(name)!r} has a single value")
        elif missing > _MOSTLY:
            message = f"the column {str(name)!r} has no value in {missing:.0%} of the rows"
            yield Finding("missing", str(name), message)
