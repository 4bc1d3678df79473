"""Measure what training costs and write its page: `make bench-training ARGS="..."`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import optuna

from bench.training.bars import Measured, bars_of
from bench.training.looks import Look, looks
from bench.training.overhead import TRAINERS, Round, measured
from bench.training.report import page
from bench.training.scaling import WORKERS, trials_per_second
from bench.training.stage import Stage, stage
from support.postgres import postgres

FOLDER = Path("build") / "bench"
PUBLISHED = Path("docs") / "benchmarks"
PARTS = ("overhead", "scaling", "looks")
SIZES = (500, 5_000)
_PAGE = "training.md"
_EXAMPLES = """examples (of ARGS):
  --rounds 1 --trials 20                       whether all works, in some minutes
  --parts looks --check                        the operator alone, held to what is promised
  --check --publish                            all, for docs/benchmarks/
"""


def main() -> int:
    """Run; 1 when a bar is missed and `--check` asks for it."""
    # Servers and workers would outlive us: SIGTERM ends like Ctrl+C, through every `finally`.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    options = _options()
    begun = time.monotonic()
    found = _all(options)
    bars = bars_of(found)
    text = page(found, bars, options.trials, _about())
    for folder in (FOLDER, *([PUBLISHED] if options.publish else [])):
        (folder / _PAGE).write_text(text, encoding="utf-8")
    (FOLDER / "training.json").write_text(json.dumps(dataclasses.asdict(found), indent=2) + "\n")
    _say(f"\n{text}\nIn {FOLDER}: {_PAGE}, training.json; after {time.monotonic() - begun:.0f} s")
    missed = [bar for bar in bars if not bar.holds]
    for bar in missed:
        print(f"missed: {bar}", file=sys.stderr)  # noqa: T201 - a command-line program prints
    return 1 if missed and options.check else 0


def _all(options: argparse.Namespace) -> Measured:
    folder = (FOLDER / "training").resolve()
    FOLDER.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    found = Measured({}, {}, [])
    if {"overhead", "scaling"} & {*options.parts}:
        with stage(folder) as standing:
            if "overhead" in options.parts:
                found = dataclasses.replace(found, overhead=_overhead(standing, options))
            if "scaling" in options.parts:
                found = dataclasses.replace(found, paces=_scaling(standing, options))
    if "looks" in options.parts:
        with postgres() as database:
            found = dataclasses.replace(found, looks=_looks(database))
    return found


def _overhead(standing: Stage, options: argparse.Namespace) -> Mapping[str, Sequence[Round]]:
    found: dict[str, list[Round]] = {name: [] for name in TRAINERS}
    for number in range(options.rounds):
        for name, rounds in found.items():
            one = measured(standing, name, number, options.trials)
            rounds.append(one)
            _say(f"{name}: ours {one.ours:.1f} ms, bare {one.bare:.1f} ms a trial")
    return found


def _scaling(standing: Stage, options: argparse.Namespace) -> Mapping[int, Sequence[float]]:
    found: dict[int, list[float]] = {1: [], WORKERS: []}
    for number in range(options.rounds):
        for workers, paces in found.items():
            paces.append(trials_per_second(standing, number, options.trials, workers))
            _say(f"{workers} workers: {paces[-1]:.2f} trials/s")
    return found


def _looks(database: str) -> Sequence[Look]:
    found = []
    for objectives in (1, 2):
        found += looks(database, objectives, SIZES)
        for look in found[-len(SIZES) :]:
            _say(str(look))
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench-training",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="how often each has its turn (%(default)s)")
    add("--trials", type=int, default=60, help="of a search, for each worker (%(default)s)")
    add("--parts", nargs="+", choices=PARTS, default=PARTS, help="all by default")
    add("--check", action="store_true", help="fail when a promise is missed")
    add("--publish", action="store_true", help="write the page into docs/benchmarks/ as well")
    return parser.parse_args()


def _about() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("optuna", "mlflow", "scikit-learn"))
    python = f"Python {platform.python_version()}"
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return f"{day}, {os.cpu_count()} cores, Linux {platform.release()}, {python}, {packages}"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command-line program prints


if __name__ == "__main__":
    sys.exit(main())
