"""Search public data sets and write what it finds: `make bench-quality ARGS="..."`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.quality.cases import CASES, Case
from bench.quality.report import cases, losses, page
from bench.quality.searching import Split, split

FOLDER = Path("build") / "bench"
PUBLISHED = Path("docs") / "benchmarks"
_PAGE = "quality.md"
_FIRST_SEED = 1


def main() -> int:
    """Run; 1 when something is lost and `--check` asks for it."""
    options = _options()
    begun = time.monotonic()
    found = _searched(cases(options.data), options)
    minutes = (time.monotonic() - begun) / 60
    text = page(found, options.trials, minutes, _about())
    for folder in (FOLDER, *([PUBLISHED] if options.publish else [])):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _PAGE).write_text(text, encoding="utf-8")
    kept = [dataclasses.asdict(one) for splits in found.values() for one in splits]
    (FOLDER / "quality.json").write_text(json.dumps(kept, indent=2) + "\n")
    _say(f"\n{text}\nIn {FOLDER}: {_PAGE}, quality.json; after {minutes:.0f} minutes")
    lost = losses(found)
    for line in lost:
        print(line, file=sys.stderr)  # noqa: T201 - a command-line program prints
    return 1 if lost and options.check else 0


def _searched(
    wanted: Sequence[Case], options: argparse.Namespace
) -> Mapping[Case, Sequence[Split]]:
    """Split after split, with each data set in turn; several at a time."""
    seeds = range(_FIRST_SEED, _FIRST_SEED + options.splits)
    with TemporaryDirectory() as folder, ProcessPoolExecutor(options.workers) as pool:
        asked = {
            (case, seed): pool.submit(split, case, seed, options.trials, Path(folder))
            for seed in seeds
            for case in wanted
        }
        for (case, seed), coming in asked.items():
            one = coming.result()
            _say(
                f"{case.data}, seed {seed}: {case.metric} {one.ours.metric:.4f}, at random"
                f" {one.random.metric:.4f}, default {one.default.metric:.4f}"
            )
    return {case: [asked[case, seed].result() for seed in seeds] for case in wanted}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-quality", description=__doc__)
    names = [case.data for case in CASES]
    add = parser.add_argument
    add("--splits", type=int, default=10, help="of the rows of each data set (%(default)s)")
    add("--trials", type=int, default=40, help="of each search (%(default)s)")
    add("--data", nargs="+", choices=names, default=names, help="all by default")
    add("--workers", type=int, default=os.cpu_count(), help="processes (default: one a core)")
    add("--check", action="store_true", help="fail when default or random parameters win")
    add("--publish", action="store_true", help="write the page into docs/benchmarks/ as well")
    return parser.parse_args()


def _about() -> str:
    names = ("scikit-learn", "xgboost-cpu", "lightgbm", "optuna")
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{os.cpu_count()} cores with Python {platform.python_version()}, {packages}"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command-line program prints


if __name__ == "__main__":
    sys.exit(main())
