"""The pictures of an evaluation, as SVG."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leadsman_training.report.course import Course
from leadsman_training.report.evaluation import Classes, Evaluation, Importance, Numbers

_MOST_BARS = 15
_MOST_CLASSES = 20
_BLUE, _GREY = "#2563a8", "#9aa3ad"
_TWO = 2


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture."""

    name: str
    title: str
    tells: str
    """What it shows, for those who can't see it too."""
    svg: str


def pictures(found: Evaluation, course: Course) -> Iterator[Picture]:
    """All that there is something to draw for."""
    if found.classes is not None:
        if len(found.classes.names) <= _MOST_CLASSES:
            yield _confusion(found.classes)
        if found.classes.calibration:
            yield _calibration(found.classes)
    if found.numbers is not None:
        yield _residuals(found.numbers)
    if found.features:
        tells = f"How much worse {found.metric} gets when a column is shuffled."
        yield _bars("features", "Columns", tells, f"loss of {found.metric}", found.features)
    if found.parameters:
        tells = "The share of each parameter in how good a trial was (PED-ANOVA)."
        yield _bars("parameters", "Parameters of the search", tells, "share", found.parameters)
    yield from _of_search(course)


def _confusion(classes: Classes) -> Picture:
    counts = np.asarray(classes.counts)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    side = max(3.2, 0.5 * len(classes.names) + 1.5)
    figure, axes = _paper(side, side)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        shade = "white" if shares[row, column] > 0.5 else "black"  # noqa: PLR2004 - half of the scale
        axes.text(column, row, str(count), ha="center", va="center", color=shade)
    places = range(len(classes.names))
    axes.set_xticks(places, classes.names, rotation=45 if len(classes.names) > 4 else 0)  # noqa: PLR2004 - they touch
    axes.set_yticks(places, classes.names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    tells = (
        "How many rows of each class were taken for which; colours are shares of the true class."
    )
    return Picture("confusion", "Confusion matrix", tells, _svg(figure))


def _calibration(classes: Classes) -> Picture:
    figure, axes = _paper(4.0, 3.6)
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1)
    chances = [one.chance for one in classes.calibration]
    axes.plot(
        chances, [one.share for one in classes.calibration], color=_BLUE, marker="o", clip_on=False
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel(f"chance of {classes.foretold}")
    axes.set_ylabel("share that came true")
    tells = (
        "Tenths of the rows by their chance: on the dashed line chances can be taken at their word."
    )
    return Picture("calibration", "Calibration", tells, _svg(figure))


def _residuals(numbers: Numbers) -> Picture:
    truth, predicted = np.asarray(numbers.truth), np.asarray(numbers.predicted)
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        _bare(axes)
    ends = [min(truth.min(), predicted.min()), max(truth.max(), predicted.max())]
    left.plot(ends, ends, color=_GREY, linestyle="--", linewidth=1)
    # As pixels: thousands of circles would make the page heavy.
    left.scatter(truth, predicted, s=8, color=_BLUE, alpha=0.5, linewidths=0, rasterized=True)
    left.set_xlabel("true")
    left.set_ylabel("predicted")
    right.hist(predicted - truth, bins=30, color=_BLUE)
    right.axvline(0, color=_GREY, linestyle="--", linewidth=1)
    right.set_xlabel("predicted less true")
    right.set_ylabel("rows")
    tells = (
        "Left each row, on the dashed line what was predicted rightly; right how large errors are."
    )
    return Picture("residuals", "Residuals", tells, _svg(figure))


def _bars(name: str, title: str, tells: str, unit: str, found: Sequence[Importance]) -> Picture:
    shown = found[:_MOST_BARS][::-1]
    figure, axes = _paper(6.0, 0.7 + 0.28 * len(shown))
    names = [one.name if len(one.name) <= 40 else f"{one.name[:39]}…" for one in shown]  # noqa: PLR2004 - letters
    spreads = [one.spread for one in shown] if any(one.spread for one in shown) else None
    places = range(len(shown))
    axes.barh(places, [one.value for one in shown], xerr=spreads, color=_BLUE, ecolor=_GREY)
    axes.set_yticks(places, names)
    axes.set_xlabel(unit)
    more = f" The first {len(shown)} of {len(found)}." if len(found) > len(shown) else ""
    return Picture(name, title, tells + more, _svg(figure))


def _of_search(course: Course) -> Iterator[Picture]:
    if len(course.points) >= _TWO:
        yield _history(course)
        if len(course.objectives) == _TWO:
            yield _front(course)


def _history(course: Course) -> Picture:
    numbers = [point.number for point in course.points]
    values = [point.values[0] for point in course.points]
    figure, axes = _paper(6.0, 3.2)
    # As pixels: thousands of circles would make the page heavy.
    axes.scatter(numbers, values, s=10, color=_GREY, linewidths=0, rasterized=True)
    axes.step(numbers, course.best_so_far, where="post", color=_BLUE)
    # One trial that is far off would press all others onto one line: it is left outside.
    best, usual = course.best_so_far[-1], np.percentile(values, 5 if course.maximizes else 95)
    ends = sorted((best, float(np.clip(2 * usual - best, min(values), max(values)))))
    room = 0.05 * (ends[1] - ends[0]) or 1.0
    axes.set_ylim(ends[0] - room, ends[1] + room)
    axes.set_xlabel("trial")
    axes.set_ylabel(course.objectives[0])
    apart = [f"{len(course.pruned)} given up early"] if course.pruned else []
    apart += [f"{len(course.failed)} failed"] if course.failed else []
    more = f" Not shown: {', '.join(apart)}." if apart else ""
    tells = f"Each trial as a dot, and the best value so far as a line.{more}"
    return Picture("history", "Course of the search", tells, _svg(figure))


def _front(course: Course) -> Picture:
    figure, axes = _paper(4.6, 3.6)
    for shade, on_front in ((_GREY, False), (_BLUE, True)):
        shown = [point.values for point in course.points if point.on_front is on_front]
        axes.scatter(
            [values[0] for values in shown], [values[1] for values in shown],
            s=14, color=shade, linewidths=0, rasterized=True,
        )  # fmt: skip
    axes.set_xlabel(course.objectives[0])
    axes.set_ylabel(course.objectives[1])
    tells = "Each trial as a dot; blue is the Pareto front, which no other trial beats in both."
    return Picture("front", "Pareto front", tells, _svg(figure))


def _paper(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    _bare(axes)
    return figure, axes


def _bare(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _svg(figure: Figure) -> str:
    file = io.StringIO()
    # Words as words, so that they can be found; the same file for the same numbers.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "leadsman"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
