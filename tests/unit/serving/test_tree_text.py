"""Trees of all libraries as LightGBM reads them: each row goes where the original sends it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leadsman_serving.plans.tree import LEAF, Compare, Tree, TreeSums
from leadsman_serving.plans.tree_text import last_to_the_left, text_of

LARGEST = float(np.finfo(np.float32).max)
DOUBLES = st.floats(-1e38, 1e38)


def goes_left(value: float, split: float, compare: Compare) -> bool:
    """As the original decides."""
    if compare is Compare.DOUBLE:
        return value <= split
    with np.errstate(over="ignore"):
        single = float(np.float32(value))
    return single < split if compare is Compare.BELOW else single <= split


@pytest.mark.parametrize("compare", Compare)
@given(split=DOUBLES)
@example(split=0.0)
@example(split=-0.0)
@example(split=1e-45)
@example(split=LARGEST)
@example(split=-LARGEST)
@example(split=float(np.nextafter(np.float32(1), np.float32(2))))
def test_the_last_double_that_goes_left_is_found(split: float, compare: Compare) -> None:
    """It goes to the left, and the next one does not."""
    if compare is Compare.BELOW:  # splits of single precision
        split = float(np.float32(split))

    last = float(last_to_the_left(np.array([split]), compare)[0])

    assert goes_left(last, split, compare)
    assert not goes_left(float(np.nextafter(last, np.inf)), split, compare)


@given(split=DOUBLES, steps=st.integers(-3, 3), offset=st.floats(-1, 1))
@pytest.mark.parametrize("compare", [Compare.SINGLE, Compare.BELOW])
def test_rows_near_a_split_go_where_the_original_sends_them(
    split: float, steps: int, offset: float, compare: Compare
) -> None:
    """Values between neighbours of single precision, whose rounding decides."""
    single = np.float32(split)
    for _ in range(abs(steps)):
        single = np.nextafter(single, np.float32(np.inf * np.sign(steps)))
    value = float(single) + offset * float(np.spacing(single))
    if compare is Compare.BELOW:
        split = float(np.float32(split))

    last = float(last_to_the_left(np.array([split]), compare)[0])

    assert (value <= last) == goes_left(value, split, compare)


def test_an_ensemble_that_would_take_long_to_read_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pod that starts for minutes is worse than one whose rows take longer."""
    monkeypatch.setattr("leadsman_serving.plans.tree_text.MOST_NODES", 2)
    leaf = [LEAF, LEAF]
    tree = Tree([1, *leaf], [2, *leaf], [0] * 3, [0.0] * 3, [0] * 3, np.arange(3.0))

    with pytest.raises(ValueError, match="3 nodes, 2 are read in time"):
        text_of(TreeSums([tree], 1, Compare.DOUBLE), 1)
