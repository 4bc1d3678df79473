"""Numbers of pods for a share of the traffic, where pods of both arms stand behind one Service."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from leadsman_operator.planner.scene import FULL, pods_for, pods_of_share


def distance(pods: int, stable: int, weight: int) -> float:
    """Points between the share that so many pods get and the one that is asked for."""
    return abs(FULL * pods / (pods + stable) - weight)


@example(weight=33, stable=3, most=10)
@given(weight=st.integers(1, FULL - 1), stable=st.integers(1, 200), most=st.integers(1, 1000))
def test_no_other_number_of_pods_comes_closer(weight: int, stable: int, most: int) -> None:
    """Of all that are allowed."""
    chosen = pods_for(weight, stable, most)

    assert 1 <= chosen <= most
    best = min(distance(pods, stable, weight) for pods in range(1, most + 1))
    assert distance(chosen, stable, weight) <= best + 1e-9


def test_a_share_is_not_the_rounded_number_of_pods() -> None:
    """Beside 3 pods, 33 percent are nearer to 2 (40) than to 1 (25), though 1.48 rounds to 1."""
    assert pods_for(33, 3, 10) == 2


@given(weight=st.integers(1, FULL), stable=st.integers(1, 200))
def test_behind_a_gateway_an_arm_can_carry_its_share(weight: int, stable: int) -> None:
    """With no fewer pods for a request than the stable revision had, and none to spare."""
    chosen = pods_of_share(weight, stable, 1000)

    assert FULL * chosen >= weight * stable
    assert chosen == 1 or FULL * (chosen - 1) < weight * stable
