"""Hold every package of pure code to its coverage, lines and branches apart.

Reads the JSON report of coverage.py from standard input; called by `make coverage`.
coverage.py's own `fail_under` mixes lines with branches and lets one package pay for another.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

REQUIRED_PERCENT = 90.0
COUNTS = ("covered_lines", "num_statements", "covered_branches", "num_branches")


def totals_by_package(report: Mapping[str, Any]) -> dict[str, Counter[str]]:
    """Add up the counts of the files of each package: the folder below `src`."""
    totals: dict[str, Counter[str]] = {}
    for path, file in report["files"].items():
        parts = PurePath(path).parts
        package = parts[parts.index("src") + 1] if "src" in parts else parts[0]
        counts = {name: file["summary"][name] for name in COUNTS}
        totals.setdefault(package, Counter()).update(counts)
    return totals


def percent(covered: int, total: int) -> float:
    """Share of what is covered; nothing to cover is covered."""
    return 100.0 * covered / total if total else 100.0


def shares(report: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Every package with its percentages of lines and of branches."""
    for package, counts in sorted(totals_by_package(report).items()):
        lines = percent(counts["covered_lines"], counts["num_statements"])
        branches = percent(counts["covered_branches"], counts["num_branches"])
        yield package, lines, branches


def main() -> int:
    """Print a line for each package; 1 when one of them falls short or none was measured."""
    measured = list(shares(json.load(sys.stdin)))
    for package, lines, branches in measured:
        print(f"coverage of {package}: {lines:.1f} % of lines, {branches:.1f} % of branches")
    if not measured:
        print("coverage: nothing was measured")
        return 1
    if short := [name for name, *both in measured if min(both) < REQUIRED_PERCENT]:
        print(f"coverage: below {REQUIRED_PERCENT:.0f} %: {', '.join(short)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
