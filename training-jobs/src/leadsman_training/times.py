"""Rows in the order of their time."""

from __future__ import annotations

import warnings

import pandas as pd
from pandas.tseries.api import guess_datetime_format

from leadsman_api.reasons import Reason
from leadsman_training.errors import NoUse

_FIELD = "spec.data.holdout.timeColumn"


def in_order(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows from the earliest to the latest; those of one time stay as they stand.

    NoUse when a row has no time, or one that can't be read for sure.
    """
    moments = _moments(frame[column])
    missing = int(moments.isna().sum())
    if missing:
        raise NoUse(Reason.DATA_INVALID, f"{_FIELD}: {missing} rows have no value in {column!r}")
    return frame.iloc[moments.argsort(kind="stable")]


def _moments(column: pd.Series) -> pd.Series:
    """Values that can be compared: numbers and times as they are, and texts as the times they say.

    Compared as text, 2/1/2026 would come after 10/1/2026.
    """
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column
    found = _parsed(column, "ISO8601")
    if found is not None:
        return found
    read = [one for form in _forms(column) if (one := _parsed(column, form)) is not None]
    if not read:
        raise NoUse(
            Reason.DATA_INVALID,
            f"{_FIELD}: {column.name!r} has values that are no times, or are written in several"
            f" ways, such as {_first(column)!r}: write 2026-01-31 or 2026-01-31T12:00:00Z",
        )
    if not all(one.equals(read[0]) for one in read):
        raise NoUse(
            Reason.DATA_INVALID,
            f"{_FIELD}: in {column.name!r} day and month can't be told apart, such as in"
            f" {_first(column)!r}: write 2026-01-31",
        )
    return read[0]


def _parsed(column: pd.Series, form: str) -> pd.Series | None:
    """The times that a column of texts says; None when it is not written so."""
    try:
        return pd.to_datetime(column, format=form, utc=True)
    except (ValueError, TypeError):
        return None


def _forms(column: pd.Series) -> list[str]:
    """How the first value may be written: day or month first."""
    with warnings.catch_warnings():
        # It warns where only one of the two can be meant.
        warnings.simplefilter("ignore", UserWarning)
        first = _first(column)
        found = (guess_datetime_format(first, dayfirst=one) for one in (False, True))
        return [form for form in dict.fromkeys(found) if form is not None]


def _first(column: pd.Series) -> str:
    known = column.dropna()
    return str(known.iloc[0]) if len(known) else ""
