"""The page and the picture."""

from __future__ import annotations

import re
from dataclasses import replace

from bench.serving.bars import OF_ASGI, OF_ASGI_BELOW_IT, bars_of
from bench.serving.figures import compare, figures_of
from bench.serving.picture import Scale, drawn
from bench.serving.report import page
from bench.serving.samples import Sample
from bench.serving.servers import SHIPPED, Setting
from support.bench_samples import (
    FIRST,
    NOT_SHIPPED,
    OURS,
    OURS_OTHERWISE,
    SECOND,
    load,
    run,
    sample,
)

NONE = "\N{EN DASH}"
SAMPLES = [
    replace(sample(OURS, 20_000), batches={1: 10, 10: 100, 100: 1000, 1000: 12_345}),
    sample("asgi-tuned", 25_000),
    sample(OURS_OTHERWISE, 15_000),
    sample("mlserver-tuned", 1_000),
    sample("fastapi-tuned", 1_500),
]


def page_of(samples: list[Sample]) -> str:
    """The page of samples of the logistic model."""
    figures = figures_of(samples)
    rows = [compare(model, found) for model, found in figures.items()]
    bars = [bar for row in rows for bar in bars_of(row["model"], row)]
    return page(rows, bars, figures, {FIRST: run(), SECOND: run(SECOND)}, "p.svg")


def test_the_page_tells_of_promises_kept_missed_and_not_measured() -> None:
    """Each promise has its verdict in words."""
    text = page_of(SAMPLES)
    other = OF_ASGI if SHIPPED is Setting.QUICK else OF_ASGI_BELOW_IT

    assert (
        "| logistic | requests/s over the best peer's | at least 15 | 13.3 | **missed** |" in text
    )
    assert "| logistic | memory, MB | at most 100 | 70 | kept |" in text
    assert f"| at least {other:g} | {NONE} | **not measured** |" in text


def test_ours_is_set_beside_the_peer_of_the_same_protocol() -> None:
    """The Open Inference Protocol is compared with MLServer, though FastAPI is faster."""
    text = page_of(SAMPLES)

    assert (
        "| logistic | Open Inference Protocol | 15,000 | 0.100 | MLServer (tuned) | 1,000 |" in text
    )


def test_rows_of_many_are_told() -> None:
    """Rows per second stand under the rows of a request."""
    assert f"| logistic | Leadsman ({SHIPPED}) | 10 | 100 | 1,000 | 12,345 |" in page_of(SAMPLES)


def test_failures_and_doubts_are_told() -> None:
    """A failure has its reason; a full client, a busy machine and mixed runs are marked."""
    full = sample(NOT_SHIPPED, 30_000, began=SECOND)
    text = page_of([
        *SAMPLES,
        replace(full, loads={count: load(30_000, busy=0.95) for count in (1, 16, 64)}),
        replace(sample("litserve-tuned", 500), others_busy=0.4),
        replace(sample("bentoml-tuned", 1), failure="status 500: no"),
    ])  # fmt: skip

    assert "30,000 (client full)" in text
    assert "other programs used 40% of a core" in text
    assert "BentoML (tuned) failed in 1 rounds: status 500: no" in text
    assert "not all of one run" in text


def test_the_picture_has_a_mark_for_each_server() -> None:
    """Every server that is compared is a mark that tells its name; other protocols are none."""
    titles = re.findall(r"<(circle|rect) [^>]*><title>(.*?)</title></", drawn(figures_of(SAMPLES)))

    assert sorted(title for _, title in titles) == [
        "FastAPI, by hand (tuned): 1,500 requests/s",
        f"Leadsman ({SHIPPED}): 20,000 requests/s",
        "MLServer (tuned): 1,000 requests/s",
        "empty ASGI app (tuned): 25,000 requests/s",
    ]


def test_the_scale_holds_all_values() -> None:
    """Its ends are whole powers of ten around the values, and ten times is one step."""
    scale = Scale.over([120, 45_000])

    assert (scale.low, scale.high) == (2, 5)
    step = scale.place(1000) - scale.place(100)
    assert scale.place(10_000) - scale.place(1000) == step


def test_nothing_measured_is_no_picture() -> None:
    """Where all failed there is nothing to draw."""
    assert drawn(figures_of([replace(sample("asgi-tuned", 1), loads={}, failure="no")])) == ""
