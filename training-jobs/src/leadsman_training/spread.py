"""How the values of columns are spread: counted when a model is made, and compared later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from leadsman_api.reference_profile import (
    LONGEST_WORD,
    MOST_BINS,
    MOST_COLUMNS,
    MOST_WORDS,
    ColumnKind,
    ColumnProfile,
    ReferenceProfile,
    instability,
)
from leadsman_training.data import Split


@dataclass(frozen=True, slots=True)
class Drift:
    """How far columns have moved from those that a version has learnt from."""

    version: int
    instabilities: dict[str, float]
    """Population stability index of each column beyond what chance gives."""
    gone: tuple[str, ...]
    """Columns that are no longer there, or hold words where there were numbers."""


def profile_of(split: Split, predictions: ArrayLike) -> ReferenceProfile:
    """The profile of a model that has learnt from a split; its size is bounded.

    `predictions` are those of the rows that are held out.
    """
    names = list(split.train_x)[:MOST_COLUMNS]
    return ReferenceProfile(
        rows=len(split.train_x),
        columns=tuple(_profiled(split.train_x[name]) for name in names),
        target=_profiled(split.train_y),
        predictions=_profiled(pd.Series(np.ravel(predictions), name="prediction")),
    )


def drift_of(split: Split, known: ReferenceProfile, version: int) -> Drift:
    """How far all rows, held out or not, are from the profile of a version."""
    rows = pd.concat([split.train_x, split.test_x])
    columns = {str(name): rows[name] for name in rows}
    target = pd.concat([split.train_y, split.test_y])
    pairs = [
        *((column, columns.get(column.name)) for column in known.columns),
        (known.target, target if str(target.name) == known.target.name else None),
    ]
    found: dict[str, float] = {}
    gone: list[str] = []
    for column, values in pairs:
        if values is None or _kind(values) is not column.kind:
            gone.append(column.name)
        else:
            found[column.name] = round(_instability(column, values), 6)
    return Drift(version, found, tuple(gone))


def _instability(column: ColumnProfile, values: pd.Series) -> float:
    now = _counted(values, column.kind, column.edges, column.words)
    return instability((*column.counts, column.missing), (*now, int(values.isna().sum())))


def _profiled(values: pd.Series) -> ColumnProfile:
    kind = _kind(values)
    edges = _edges(values) if kind is ColumnKind.NUMBERS else ()
    words = _words(values) if kind is ColumnKind.WORDS else ()
    return ColumnProfile(
        name=str(values.name),
        kind=kind,
        edges=edges,
        words=words,
        counts=_counted(values, kind, edges, words),
        missing=int(values.isna().sum()),
    )


def _kind(values: pd.Series) -> ColumnKind:
    is_number = pd.api.types.is_numeric_dtype(values)
    return ColumnKind.NUMBERS if is_number else ColumnKind.WORDS


def _edges(values: pd.Series) -> tuple[float, ...]:
    """Values below which equal shares of the rows lie; fewer where many rows have the same."""
    known = values.dropna().to_numpy(dtype=float)
    known = known[np.isfinite(known)]
    if not len(known):
        return ()
    shares = np.arange(1, MOST_BINS) / MOST_BINS
    found = np.unique(np.quantile(known, shares, method="inverted_cdf"))
    return tuple(float(one) for one in found)


def _words(values: pd.Series) -> tuple[str, ...]:
    """The most frequent ones; what is longer than a word counts among the others."""
    counts = _texts(values).value_counts()
    ordered = sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))
    words = [str(word) for word, _ in ordered if len(str(word)) <= LONGEST_WORD]
    return tuple(words[:MOST_WORDS])


def _counted(
    values: pd.Series, kind: ColumnKind, edges: Sequence[float], words: Sequence[str]
) -> tuple[int, ...]:
    """Rows in each bin, without those that have no value."""
    if kind is ColumnKind.NUMBERS:
        numbers = values.dropna().to_numpy(dtype=float)
        places = np.searchsorted(np.asarray(edges, dtype=float), numbers, side="left")
    else:
        known = pd.Index(words, dtype=object).get_indexer(_texts(values))
        places = np.where(known < 0, len(words), known)
    counts = np.bincount(places, minlength=len(edges) + len(words) + 1)
    return tuple(int(one) for one in counts)


def _texts(values: pd.Series) -> pd.Series:
    return values.dropna().astype(str).astype(object)
