"""Numbers that the original refuses, and its plan would answer.

Trees of scikit-learn take singles, and most of its models nothing infinite and no gaps, which
logarithms and quotients before them may give.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leadsman_serving.table import Array, Table

SINGLES, FINITE = "singles", "finite"
_TOO_LARGE = {SINGLES: 2.0**128 - 2.0**103, FINITE: np.inf}
"""The smallest number that is refused; of singles the first that is rounded to an infinite one."""
_LARGE = 1e39


class LimitedPlan:
    """A plan that refuses what its original refuses."""

    def __init__(self, plan: Any, limit: Mapping[str, Any]) -> None:  # noqa: ANN401 - of any engine
        """`limit` says which numbers are taken, and whether gaps are."""
        self._plan, self._row = plan, plan.row
        self._too_large, self._takes_gaps = _TOO_LARGE[limit["numbers"]], limit["gaps"]

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        """What the served method of the original gives."""
        self._check(table.array())
        found: object = self._plan.predict(table, params)
        return found

    def probabilities(self, table: Table) -> Array | None:
        """The probability of each class; None for a model without any."""
        found: Array | None = self._plan.probabilities(table)
        if found is not None:
            self._check(table.array())
        return found

    def row(self, values: Sequence[Any]) -> object:
        """What `predict` gives for one row, as JSON has it; for one thread at a time."""
        if type(values) is not list:
            self._check(np.asarray(values))
            return self._row(values)
        # JSON has nothing infinite, and this is quicker than to make an array. Only with an order
        # of bytes, here "<", are numbers refused that are too large for singles.
        try:
            struct.pack(f"<{len(values)}f", *values)
        except OverflowError as error:
            raise _refused() from error
        except struct.error:  # a None, a gap
            self._check(np.array(values, np.float64))
        return self._row(values)

    def _check(self, rows: Array) -> None:
        sizes = np.abs(rows.astype(np.float64, copy=False))
        fits = ~(sizes >= self._too_large) if self._takes_gaps else sizes < self._too_large
        if not fits.all():
            raise _refused()


def _refused() -> ValueError:
    return ValueError("a number is missing, infinite or too large for the model")


def limit_of(model: Any, width: int) -> dict[str, Any] | None:  # noqa: ANN401 - of any library
    """What a fitted model refuses of a row of so many numbers; None for nothing.

    It is asked, so that nothing need be known of its kind.
    """
    if not width or not _takes(model, width, 0.0) or _takes(model, width, np.inf):
        return None
    numbers = FINITE if _takes(model, width, _LARGE) else SINGLES
    return {"numbers": numbers, "gaps": _takes(model, width, np.nan)}


def _takes(model: Any, width: int, value: float) -> bool:  # noqa: ANN401 - of any library
    try:
        with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
            model.predict(np.full((1, width), value))
    except Exception:  # noqa: BLE001 - whatever it raises, it refuses
        return False
    return True
