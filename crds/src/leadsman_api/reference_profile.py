"""The reference profile: how the values of each column were spread when a model was trained.

It lies beside the model's files, so that drift is seen without the training data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from leadsman_api.contract import Contract
from leadsman_api.rules import Rule
from leadsman_api.text import Text
from leadsman_api.values import Count
from leadsman_api.vocabulary import Term

PROFILE_FILE = "reference_profile.json"
MOST_BINS = 10
MOST_WORDS = 20
LONGEST_WORD = 100
MOST_COLUMNS = 2000

_EMPTY = 0.5
"""Added to each bin, so that an empty one does not make the index endless."""
_SURE = 3.0
"""Standard deviations of the index that chance alone is given."""


class ColumnKind(Term):
    """What a column holds."""

    NUMBERS = "Numbers", "values that are ordered, in bins between edges."
    WORDS = "Words", "values that are equal or not, each a bin of its own."


class ColumnProfile(Contract):
    """How often the values of a column fell into each of its bins."""

    invariants = (
        Rule(
            cel="size(self.counts) == size(self.edges) + size(self.words) + 1",
            check=lambda column: len(column.counts) == len(column.edges) + len(column.words) + 1,
            message="counts must have one bin more than there are edges or words",
            field="counts",
        ),
    )

    name: str
    """Name of the column."""
    kind: ColumnKind
    """What it holds."""
    edges: tuple[float, ...] = ()
    """Of numbers the upper edges of all bins but the last, which has no end; an edge belongs to
    the bin below it."""
    words: tuple[Annotated[str, Field(max_length=LONGEST_WORD)], ...] = ()
    """Of words the most frequent ones; the last bin has all others."""
    counts: tuple[Count, ...]
    """Rows in each bin."""
    missing: Count = 0
    """Rows without a value."""


class ReferenceProfile(Text):
    """The columns that a model has learnt from, and what it says."""

    rows: Count
    """Rows that it has learnt from."""
    columns: Annotated[tuple[ColumnProfile, ...], Field(max_length=MOST_COLUMNS)] = ()
    """The features of those rows."""
    target: ColumnProfile
    """The target of those rows."""
    predictions: ColumnProfile
    """What the model says of rows that were held out."""


def instability(before: Sequence[int], now: Sequence[int]) -> float:
    """The population stability index of two counts over the same bins, less what is chance.

    0 for the same spread; above 0.1 is called some change and above 0.2 a large one. Between two
    samples of n and m rows of one spread the index is about chi-squared with one degree less than
    there are bins, times 1/n + 1/m (Yurdakul, Statistical Properties of Population Stability
    Index, 2018): its mean and three standard deviations are taken off. 0 when a side has no rows.
    """
    if not sum(before) or not sum(now):
        return 0.0
    pairs = list(zip(_shares(before), _shares(now), strict=True))
    index = sum((new - old) * math.log(new / old) for old, new in pairs)
    freedom = len(pairs) - 1
    chance = (freedom + _SURE * math.sqrt(2 * freedom)) * (1 / sum(before) + 1 / sum(now))
    return max(0.0, index - chance)


def _shares(counts: Sequence[int]) -> list[float]:
    whole = sum(counts) + _EMPTY * len(counts)
    return [(count + _EMPTY) / whole for count in counts]
