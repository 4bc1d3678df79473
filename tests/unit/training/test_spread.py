"""How the values of columns are spread, and by how much they have moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadsman_api.reference_profile import (
    MOST_COLUMNS,
    MOST_WORDS,
    ColumnProfile,
    ReferenceProfile,
    instability,
)
from leadsman_training.data import Split
from leadsman_training.spread import drift_of, profile_of

RANDOM = np.random.default_rng(7)


def of(**columns: Any) -> Split:
    """A split that holds out the last fifth of rows, whose target is their number."""
    frame = pd.DataFrame(columns)
    cut = len(frame) * 4 // 5
    target = pd.Series(np.arange(len(frame)) % 97 / 10, name="target")
    return Split(frame[:cut], target[:cut], frame[cut:], target[cut:], classification=False)


def profiled(values: Any) -> ColumnProfile:
    """The profile of one column, whose first four fifths are learnt from."""
    split = of(x=values)
    return profile_of(split, split.test_y).columns[0]


@pytest.mark.parametrize(
    ("values", "kind", "bins", "counts", "missing"),
    [
        pytest.param(
            [*range(1, 101), *range(25)], "Numbers", tuple(range(10, 100, 10)), (10,) * 10, 0,
            id="ten bins of numbers",
        ),
        pytest.param([0, 0, 0, 1, 9], "Numbers", (0, 1), (3, 1, 0), 0, id="few numbers"),
        pytest.param([True, False, True, True, True], "Numbers", (0, 1), (1, 3, 0), 0, id="truths"),
        pytest.param([None, 2.5, None, 2.5, 1.0], "Numbers", (2.5,), (2, 0), 2, id="missing"),
        pytest.param([np.inf, 1.0, -np.inf, 1.0, 1.0], "Numbers", (1.0,), (3, 1), 0, id="inf"),
        pytest.param([None] * 5, "Words", (), (0,), 4, id="nothing"),
        pytest.param(list("bbacd"), "Words", ("b", "a", "c"), (2, 1, 1, 0), 0, id="words"),
        pytest.param(["x" * 101, "a", "a", None, "a"], "Words", ("a",), (2, 1), 1, id="long"),
        pytest.param([[1], [1], [2], [1], [1]], "Words", ("[1]", "[2]"), (3, 1, 0), 0, id="lists"),
    ],
)  # fmt: skip
def test_values_are_counted_in_bins(
    values: Any, kind: str, bins: tuple[Any, ...], counts: tuple[int, ...], missing: int
) -> None:
    """Equal shares of the numbers, and the words that are most frequent."""
    found = profiled(values)

    assert found.kind == kind
    assert (found.edges or found.words) == bins
    assert (found.counts, found.missing) == (counts, missing)


def test_a_profile_is_read_as_it_was_written_and_stays_small() -> None:
    """However many columns and words there are."""
    words = [f"word {number} {'x' * 80}" for number in range(200)]
    columns = {f"c{number}": words for number in range(MOST_COLUMNS + 5)}
    split = Split(
        (frame := pd.DataFrame(columns)), (target := pd.Series(range(200), name="target")),
        frame, target, classification=False,
    )  # fmt: skip
    made = profile_of(split, split.test_y)

    assert ReferenceProfile.from_text(made.to_text()) == made
    assert (made.rows, len(made.columns)) == (200, MOST_COLUMNS)
    assert len(made.columns[0].words) == MOST_WORDS
    assert made.columns[0].counts[-1] == 200 - MOST_WORDS
    assert ReferenceProfile.from_text("{}") is None


@pytest.mark.parametrize("rows", [50, 300, 5000])
@pytest.mark.parametrize("kind", ["normal", "words", "few"])
def test_chance_alone_is_no_drift(rows: int, kind: str) -> None:
    """Of 200 pairs of samples of one spread none is above what counts as a large change."""

    def drawn() -> Any:
        if kind == "normal":
            return RANDOM.normal(size=rows)
        return RANDOM.choice(list("abcdefgh") if kind == "words" else [0, 1, 5], size=rows)

    found = [drift_of(of(x=drawn()), profile_of(of(x=drawn()), pd.Series(["p"])), 1)
             for _ in range(200)]  # fmt: skip

    assert max(one.instabilities["x"] for one in found) < 0.2
    assert np.mean([one.instabilities["x"] > 0 for one in found]) < 0.05


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param(np.arange(1000) % 100, np.arange(1000) % 100 + 40, id="moved numbers"),
        pytest.param(["a", "b"] * 500, ["a", "c"] * 500, id="a new word"),
        pytest.param(["a", "b"] * 500, ["a", "b", None, None] * 250, id="values that are missing"),
        pytest.param(np.arange(1000) % 7, np.arange(1000) % 7 * 1e9, id="another unit"),
    ],
)
def test_a_spread_that_has_changed_is_drift(before: Any, now: Any) -> None:
    """Whatever it is that changed."""
    known = profile_of(of(x=before), pd.Series([1.0]))

    assert drift_of(of(x=before), known, 1).instabilities["x"] == 0
    assert drift_of(of(x=now), known, 1).instabilities["x"] > 0.2
    assert drift_of(of(x=now), known, 1).instabilities["target"] == 0


def test_a_column_of_another_kind_is_gone() -> None:
    """It can't be compared; a column that is new is none of the champion's."""
    known = profile_of(of(x=[1] * 10, y=["a"] * 10), pd.Series([1.0]))
    found = drift_of(of(y=[1] * 10, z=[1] * 10), known, 3)

    assert (found.version, found.gone) == (3, ("x", "y"))
    assert set(found.instabilities) == {"target"}


def test_the_index_is_the_usual_one() -> None:
    """Of many rows, from which chance takes little off."""
    expected = (0.6 - 0.4) * np.log(0.6 / 0.4) + (0.4 - 0.6) * np.log(0.4 / 0.6)

    assert instability([400_000, 600_000], [600_000, 400_000]) == pytest.approx(expected, rel=1e-3)
    assert instability([0, 0], [5, 5]) == 0.0
