"""Run several make targets at once and say, one line each, how they went.

Called by `make check`. The output of a step that passed is kept to its last line (a test
run's own closing line); of a step that failed it is shown whole, after all the others,
together with the command that runs the step alone.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

PYTEST_CLOSING_LINE = re.compile(r"^=+ .* in [0-9.]+s.* =+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step printed and how it ended."""

    name: str
    passed: bool
    seconds: float
    output: str

    @property
    def gist(self) -> str:
        """The one line of the output that tells most."""
        closing = PYTEST_CLOSING_LINE.findall(self.output)
        lines = closing or [line for line in self.output.splitlines() if line.strip()]
        return lines[-1] if lines else ""


def run_step(name: str) -> Outcome:
    """Run `make NAME` and keep what it prints."""
    # Each step is a make of its own: no jobserver, no word about entering directories.
    inherited = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    environment = {key: value for key, value in os.environ.items() if key not in inherited}
    started = time.monotonic()
    result = subprocess.run(
        [environment.get("MAKE", "make"), name],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return Outcome(name, result.returncode == 0, time.monotonic() - started, result.stdout)


def run_steps(names: list[str], jobs: int) -> list[Outcome]:
    """Run the steps, `jobs` at a time, and print a line as each one ends."""
    outcomes = []
    with ThreadPoolExecutor(jobs) as pool:
        for future in as_completed([pool.submit(run_step, name) for name in names]):
            outcome = future.result()
            word = "ok" if outcome.passed else "FAILED"
            gist = outcome.gist if outcome.passed else f"shown below; alone: make {outcome.name}"
            print(f"{outcome.name:<10} {word:<6} {outcome.seconds:5.1f} s  {gist}", flush=True)
            outcomes.append(outcome)
    return outcomes


def main() -> int:
    """Run the steps named on the command line; 0 when all of them passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("steps", nargs="+", help="names of make targets")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    arguments = parser.parse_args()

    started = time.monotonic()
    outcomes = run_steps(arguments.steps, arguments.jobs)
    seconds = time.monotonic() - started

    failures = [outcome for outcome in outcomes if not outcome.passed]
    for failure in failures:
        print(f"\n== {failure.name} failed. Run it alone: make {failure.name}")
        print(failure.output.rstrip())
    if failures:
        names = ", ".join(failure.name for failure in failures)
        print(f"\ncheck: {len(failures)} of {len(outcomes)} steps failed: {names}")
        return 1
    print(f"check: all {len(outcomes)} steps passed in {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
