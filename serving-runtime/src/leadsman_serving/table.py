"""Rows on their way from a client to a model, in the form that costs least to make.

Numbers of one type lie in one matrix; columns of several types, and tensors with names, lie
apart. A frame is only built for libraries that ask for one: it costs more than many models do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Array: TypeAlias = "np.ndarray[Any, Any]"


class FloatRows(list[tuple[float, ...]]):
    """Rows that are known to be as long as they should be, and to hold floats only."""

    def matrix(self) -> Array:
        """Rows by columns."""
        count = len(self) * len(self[0])
        return np.fromiter(chain.from_iterable(self), np.float64, count).reshape(len(self), -1)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one request: either `matrix` or `columns` holds them."""

    matrix: Array | None = None
    """Rows by columns, or a tensor whose first dimension counts the rows."""
    columns: Mapping[str, Array] | None = None
    """One array for each column, each as long as there are rows."""
    names: tuple[str, ...] = ()
    """The names of the columns in the signature's order; empty where they have none."""
    is_tensor: bool = False
    """Whether the signature speaks of tensors and not of columns."""

    def frame(self) -> pd.DataFrame:
        """The rows as a frame; columns without a name are numbered."""
        import pandas as pd  # noqa: PLC0415 - not every model needs it

        if self.columns is not None:
            return pd.DataFrame({name: _inferred(one) for name, one in self.columns.items()})
        return pd.DataFrame(self.matrix, columns=list(self.names) or None)

    def array(self) -> Array:
        """The rows as one array, of a type that holds all their values."""
        if self.matrix is not None:
            return self.matrix
        return np.asarray(self.frame())

    def frame_or_array(self) -> pd.DataFrame | Array:
        """A frame where columns have names, else an array: what estimators are fitted with."""
        return self.frame() if self.names else self.array()

    def as_mlflow(self) -> pd.DataFrame | Array | dict[str, Array]:
        """What MLflow gives a model that is code: a frame, or tensors as they are."""
        if not self.is_tensor:
            return self.frame()
        return dict(self.columns) if self.columns is not None else self.array()


def _inferred(column: Array) -> Array | pd.Series[Any]:
    """A column of nothing but gaps as pandas takes it beside words: a gap is the same alone."""
    if column.dtype != object or any(value is not None for value in column):
        return column
    import pandas as pd  # noqa: PLC0415 - not every model needs it

    return pd.Series([*column, ""]).iloc[:-1]
