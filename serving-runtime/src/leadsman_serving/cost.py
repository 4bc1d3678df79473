"""What a model's predictions cost: a straight line, learned from what they took.

Pure: who measures is elsewhere. A call takes `call` seconds and `row` more for each row, which
is what makes it worth while, or not, to answer several requests with one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_KEPT = 0.9
"""The weight that older measurements keep with each new one: about ten count."""
_OUTLIER = 4.0
"""A measurement counts as at most so many times what was expected, and at least one of so many:
one pause changes little, and what stays is learned within a few."""
_PULL = 0.05
"""How much the line holds on to where it was, beside a measurement's own weight."""
_LEAST = 0.01
"""Share of a row's cost by which either part can move when it is near nothing."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The line."""

    row: float
    """Seconds for each row."""
    call: float
    """Seconds for each call, however many rows it has."""

    def of(self, rows: float) -> float:
        """Seconds of one call."""
        return self.row * rows + self.call


@dataclass(frozen=True, slots=True)
class Estimate:
    """The line and a fading memory of what was measured, as weighted sums.

    Errors count in relation to what was expected (least squares, weights 1/expected²): else
    the largest requests alone would decide what the smallest cost.
    """

    cost: Cost
    weight: float = 0.0
    ones: float = 0.0
    rows: float = 0.0
    squares: float = 0.0
    seconds: float = 0.0
    products: float = 0.0

    def after(self, rows: int, seconds: float) -> Estimate:
        """What is expected once a call with so many rows has taken so long."""
        expected = self.cost.of(rows)
        if expected <= 0:
            return Estimate(half_and_half(rows, seconds))
        took = min(max(seconds, expected / _OUTLIER), expected * _OUTLIER)
        weight = 1 / expected**2
        sums = Estimate(
            self.cost,
            _KEPT * self.weight + 1,
            _KEPT * self.ones + weight,
            _KEPT * self.rows + weight * rows,
            _KEPT * self.squares + weight * rows * rows,
            _KEPT * self.seconds + weight * took,
            _KEPT * self.products + weight * rows * took,
        )
        cost = _line(sums)
        # Weighted anew: once all takes twice as long, what was quick would count four times.
        return sums.scaled(cost, (expected / cost.of(rows)) ** 2)

    def scaled(self, cost: Cost, factor: float) -> Estimate:
        """The same memory with other weights, for another line."""
        return Estimate(
            cost,
            self.weight,
            factor * self.ones,
            factor * self.rows,
            factor * self.squares,
            factor * self.seconds,
            factor * self.products,
        )


def half_and_half(rows: int, seconds: float) -> Cost:
    """The line where one measurement is all that is known."""
    return Cost(seconds / rows / 2, seconds / 2)


def fitted(measured: Sequence[tuple[int, float]]) -> Cost:
    """The line through rows and seconds with the least relative errors; neither part negative."""
    if len({rows for rows, _ in measured}) == 1:
        rows, seconds = measured[0]
        return half_and_half(rows, seconds)
    weights = [1 / max(seconds, 1e-9) ** 2 for _, seconds in measured]
    known = list(zip(weights, measured, strict=True))
    return _solved(
        ones=sum(weights),
        rows=sum(weight * rows for weight, (rows, _) in known),
        squares=sum(weight * rows * rows for weight, (rows, _) in known),
        seconds=sum(weight * seconds for weight, (_, seconds) in known),
        products=sum(weight * rows * seconds for weight, (rows, seconds) in known),
    )


def _line(sums: Estimate) -> Cost:
    """The line that fits the sums, near the old one where they leave it open.

    Requests may all have the same number of rows, which tells nothing of the slope: the old
    line is scaled to what was measured, and then bent as far as the measurements ask for it.
    """
    old = sums.cost
    expected = old.row * sums.products + old.call * sums.seconds
    size = old.row**2 * sums.squares + 2 * old.row * old.call * sums.rows + old.call**2 * sums.ones
    level = expected / size
    row, call = level * old.row, level * old.call
    least = _LEAST * (row + call)
    for_row = _PULL * sums.weight / max(row, least) ** 2
    for_call = _PULL * sums.weight / max(call, least) ** 2
    return _solved(
        ones=sums.ones + for_call,
        rows=sums.rows,
        squares=sums.squares + for_row,
        seconds=sums.seconds + for_call * call,
        products=sums.products + for_row * row,
    )


def _solved(*, ones: float, rows: float, squares: float, seconds: float, products: float) -> Cost:
    """The normal equations of a line, with the negative part left out where there is one."""
    determinant = squares * ones - rows * rows
    row = (products * ones - rows * seconds) / determinant
    call = (squares * seconds - rows * products) / determinant
    if row < 0:
        return Cost(0.0, seconds / ones)
    if call < 0:
        return Cost(products / squares, 0.0)
    return Cost(row, call)
