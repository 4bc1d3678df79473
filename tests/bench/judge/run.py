"""Simulate all cells of the judge's benchmark and write its page: `make bench-judge`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

from bench.judge.cells import COMPARED_RATES, Cell, Row, beyond, conditions, grid, times_grid
from bench.judge.rates import FalseAlarms, false_alarms
from bench.judge.regressions import compared, slowed, unharmed
from bench.judge.report import Results, RowFound, misses, page
from bench.judge.speed import speed, timed

Found = TypeVar("Found")

SEED = 1
PAGE = Path("build") / "bench" / "judge.md"
PUBLISHED = Path("docs") / "benchmarks" / "judge.md"


def main() -> int:
    """Run; 1 when a cell breaks the promise, or takes too long."""
    options = _options()
    begun = time.monotonic()
    results = simulated(options.rollouts, options.workers)
    target = PUBLISHED if options.publish else PAGE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(results), encoding="utf-8")
    for one in results.speeds:
        print(f"{one.cell.name}: {one.seconds:.1f} s of one core")  # noqa: T201
    print(f"{target}: after {time.monotonic() - begun:.0f} s")  # noqa: T201
    broken = misses(results)
    for line in broken:
        print(f"a bar is missed: {line}", file=sys.stderr)  # noqa: T201
    return 1 if broken else 0


def simulated(rollouts: int, workers: int) -> Results:
    """All cells, several at a time."""
    few = max(1, rollouts // 5)
    with ProcessPoolExecutor(workers) as pool:

        def tried(cells: Iterable[Cell]) -> list[Future[FalseAlarms]]:
            return [pool.submit(false_alarms, cell, rollouts, SEED) for cell in cells]

        def rows(found: Iterable[Row]) -> list[tuple[Row, list[Future[FalseAlarms]]]]:
            return [(row, tried(row.cells)) for row in found]

        errors, times = rows(grid()), rows(times_grid())
        around, outside = tried(conditions()), tried(beyond())
        worse = [pool.submit(compared, rate, few, SEED) for rate in COMPARED_RATES]
        slower = [pool.submit(slowed, rate, few, SEED) for rate in COMPARED_RATES]
        well = [pool.submit(unharmed, rate, few, SEED) for rate in COMPARED_RATES]
        return Results(
            _rows("errors", errors),
            _rows("times", times),
            _told("conditions", around),
            _told("beyond the promise", outside),
            [one for part in _told("regressions", worse) for one in part],
            [one for part in _told("slower candidates", slower) for one in part],
            [one for part in _told("healthy under all rules", well) for one in part],
            _told("speed", [pool.submit(speed, cell, SEED) for cell in timed()]),
        )


def _rows(part: str, found: Sequence[tuple[Row, Sequence[Future[FalseAlarms]]]]) -> list[RowFound]:
    return [
        RowFound(row, _told(f"{part}, {row.rate:g}/s, {row.about}", cells)) for row, cells in found
    ]


def _told(part: str, found: Sequence[Future[Found]]) -> list[Found]:
    """The results of one part, with a line when they are there."""
    results = [one.result() for one in found]
    print(part, file=sys.stderr, flush=True)  # noqa: T201
    return results


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-judge", description=__doc__)
    parser.add_argument(
        "--rollouts", type=int, default=10_000,
        help="of a healthy candidate in each cell; a fifth of them of a bad one (default: 10000)",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count(), help="processes (default: one a core)"
    )
    parser.add_argument("--publish", action="store_true", help="write docs/benchmarks/judge.md")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
