"""The curves of `simulate` as a picture: what each rule does at each rate of requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from leadsman_operator.cli.failures import Failure
from leadsman_operator.cli.forecasting import Report
from leadsman_operator.forecast.summary import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANELS: tuple[tuple[str, Callable[[Summary], float | None]], ...] = (
    ("rolled back, share of rollouts", lambda summary: summary.rollback_probability),
    ("median time to rollback, s", lambda summary: summary.median_seconds_to_rollback),
    ("bad answers in an hour", lambda summary: summary.mean_bad_answers_in_an_hour),
)


def draw(report: Report, filename: str) -> None:
    """Write the picture; the end of the name says whether as SVG or PNG."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise Failure("--plot: run pip install 'leadsman-operator[plot]' first") from error
    figure = Figure(figsize=(9, 9), layout="constrained")
    _fill(figure, report)
    try:
        figure.savefig(filename)
    except OSError as error:
        raise Failure(f"--plot: {filename}: {error.strerror}") from error


def _fill(figure: Figure, report: Report) -> None:
    forecast = report.forecast
    figure.suptitle(
        f"errors {forecast.stable_errors:.2%} stable, {forecast.candidate_errors:.2%} candidate"
    )
    panels: list[Any] = list(figure.subplots(len(_PANELS), sharex=True))
    for panel, (label, figure_of) in zip(panels, _PANELS, strict=True):
        for one in report.simulated:
            shown = [(point.rate, figure_of(point.summary)) for point in one.points]
            known = [(rate, value) for rate, value in shown if value is not None]
            panel.plot(*zip(*known, strict=True), marker="o", label=one.name) if known else None
        panel.set_xscale("log")
        panel.set_ylabel(label)
        panel.grid(alpha=0.3)
    panels[0].set_ylim(-0.05, 1.05)
    panels[0].legend()
    panels[2].set_yscale("symlog")
    panels[2].set_xlabel("requests per second")
