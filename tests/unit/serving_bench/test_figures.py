"""From samples to medians and the comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.serving.figures import compare, figures_of
from bench.serving.samples import Sample
from bench.serving.servers import SHIPPED, Setting
from support.bench_samples import OURS_OTHERWISE, sample

EVERYTHING = [
    sample("leadsman-asgi", 20_000),
    sample("leadsman-quick", 30_000),
    sample("asgi-tuned", 25_000),
    sample(OURS_OTHERWISE, 90_000),
    sample("fastapi-tuned", 1_000),
    sample("mlserver-tuned", 900),
]


def compared(samples: list[Sample]) -> dict[str, Any]:
    """The comparison of the logistic model."""
    return compare("logistic", figures_of(samples)["logistic"])


def test_a_figure_is_the_median_of_its_rounds() -> None:
    """Medians over the rounds; the start over those rounds that began with one."""
    rounds = [sample("mlflow-tuned", rps, turn=turn) for turn, rps in enumerate((9, 100, 10), 1)]

    (figures,) = figures_of(rounds)["logistic"]

    assert figures.rps == 10
    assert figures.rounds == 3
    assert figures.ready_seconds == 0.75


def test_the_row_that_ships_is_compared_with_the_best_peer() -> None:
    """Neither the other setting nor another protocol of ours counts as what ships."""
    row = compared(EVERYTHING)

    shipped = 30_000 if SHIPPED is Setting.QUICK else 20_000
    assert row["ours_rps"] == shipped
    assert (row["ours_asgi_rps"], row["ours_quick_rps"]) == (20_000, 30_000)
    assert row["asgi_rps"] == 25_000
    assert (row["best_peer"], row["best_peer_rps"]) == ("FastAPI, by hand (tuned)", 1_000)


@pytest.mark.parametrize("server", ["leadsman-asgi", "leadsman-quick"])
def test_ours_with_a_failure_is_not_compared(server: str) -> None:
    """A round that failed is never hidden behind those that did not."""
    failed = replace(sample(server, 1, turn=2), failure="wrong: 1 where the original says 0")

    row = compared([*EVERYTHING, failed])

    assert row["ours_asgi_rps" if server == "leadsman-asgi" else "ours_quick_rps"] is None


def test_a_peer_with_a_failure_gives_way_to_the_next() -> None:
    """The best peer is the best of those that answered rightly in every round."""
    failed = replace(sample("fastapi-tuned", 1, turn=2), failure="status 500")

    assert compared([*EVERYTHING, failed])["best_peer"] == "MLServer (tuned)"


def test_what_was_not_measured_is_none() -> None:
    """Without a peer there is nothing to be faster than."""
    row = compared([sample("leadsman-asgi", 20_000)])

    assert row["best_peer"] is None
    assert row["best_peer_rps"] is None
    assert row["asgi_rps"] is None
