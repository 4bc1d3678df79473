"""The scripts behind the make targets: what they print and how they end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.repository import ROOT, files

MAKEFILE = """\
good:
\t@echo "one"; echo "== 3 passed in 0.12s =="; echo "coverage: fine"
quiet:
\t@true
bad:
\t@echo "the reason"; exit 3
"""


def run(
    *command: str, cwd: Path = ROOT, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a script, its two outputs together as a person sees them."""
    return subprocess.run(
        list(command),
        cwd=cwd,
        env={**os.environ, **environment},
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def run_steps(folder: Path, *steps: str) -> subprocess.CompletedProcess[str]:
    """Run steps of the small Makefile above."""
    (folder / "Makefile").write_text(MAKEFILE)
    return run(sys.executable, str(ROOT / "scripts/run_steps.py"), *steps, cwd=folder)


def test_steps_that_pass_take_a_line_each(tmp_path: Path) -> None:
    """A passing step shows its time and the closing line of its tests."""
    result = run_steps(tmp_path, "good", "quiet")

    assert result.returncode == 0
    assert re.search(
        r"^good +ok +\d+\.\d s  == 3 passed in 0\.12s ==$", result.stdout, re.MULTILINE
    )
    assert re.search(r"^check: all 2 steps passed in \d+ s$", result.stdout, re.MULTILINE)
    assert "one" not in result.stdout


def test_a_step_that_fails_is_shown_whole(tmp_path: Path) -> None:
    """The output of a failing step and how to run it alone come last; the others still run."""
    result = run_steps(tmp_path, "bad", "good")

    assert result.returncode == 1
    assert "good" in result.stdout
    after = result.stdout.split("== bad failed. Run it alone: make bad\n")[1]
    assert after.startswith("the reason\n")
    assert after.endswith("check: 1 of 2 steps failed: bad\n")


def coverage_report(**packages: tuple[int, int, int, int]) -> str:
    """A report of coverage.py with one file for each package."""
    names = ("covered_lines", "num_statements", "covered_branches", "num_branches")
    summaries = {
        f"x/src/{package}/a.py": {"summary": dict(zip(names, counts, strict=True))}
        for package, counts in packages.items()
    }
    return json.dumps({"files": summaries})


@pytest.mark.parametrize(
    ("report", "code", "last"),
    [
        pytest.param(
            coverage_report(one=(90, 100, 9, 10), two=(5, 5, 0, 0)),
            0,
            "coverage of two: 100.0 % of lines, 100.0 % of branches",
            id="enough of both",
        ),
        pytest.param(
            coverage_report(one=(99, 100, 8, 10)), 1, "coverage: below 90 %: one", id="few branches"
        ),
        pytest.param(
            coverage_report(one=(500, 500, 99, 99), two=(8, 10, 1, 1)),
            1,
            "coverage: below 90 %: two",
            id="one package does not pay for another",
        ),
        pytest.param('{"files": {}}', 1, "coverage: nothing was measured", id="nothing measured"),
    ],
)
def test_coverage_is_held_for_each_package(report: str, code: int, last: str) -> None:
    """Each package needs 90 % of its lines and 90 % of its branches."""
    result = run(sys.executable, "scripts/coverage_gate.py", stdin=report)

    assert result.returncode == code
    assert result.stdout.splitlines()[-1] == last


def test_missing_venv_is_one_clear_line(tmp_path: Path) -> None:
    """Without python3-venv the bootstrap of uv names the command that installs it."""
    python = tmp_path / "python3"
    # A Python that, like Debian's, has no ensurepip.
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)

    result = run("scripts/bootstrap-uv", str(tmp_path / "uv"), PATH=f"{tmp_path}:/usr/bin:/bin")

    assert result.returncode == 1
    assert result.stdout == (
        "uv is missing, and python3-venv to install it with: apt-get install python3-venv\n"
    )
    assert not (tmp_path / "uv").exists()


@pytest.mark.parametrize(("failing", "code"), [("none", 0), ("check", 1), ("e2e", 1)])
def test_make_test_ends_with_one_summary(tmp_path: Path, failing: str, code: int) -> None:
    """`make test` sums up what passed, or names the stage that failed and how to run it."""
    make = tmp_path / "make"
    make.write_text(f'#!/bin/sh\necho "ran $1"\n[ "$1" != {failing} ]\n')
    make.chmod(0o755)

    result = run("scripts/test-all", MAKE=str(make))

    assert result.returncode == code
    assert ("ran e2e" in result.stdout) == (failing != "check")
    if code:
        assert f"Run it alone: make {failing}" in result.stdout.splitlines()[-1]
    else:
        stages = "".join(rf"\n  {name} .*" for name in ("check", "simulation", "component", "e2e"))
        assert re.search(rf"\nmake test passed in \d+ s{stages}\n$", result.stdout)


SHELL_SCRIPTS = [
    path
    for path in [*files("scripts/*"), *files(".ci/*")]
    if path.read_text().startswith("#!/usr/bin/env bash")
]


@pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=[path.name for path in SHELL_SCRIPTS])
def test_shell_scripts_stop_at_the_first_error(script: Path) -> None:
    """Shell scripts are executable, parse, and stop at errors, unset names and broken pipes."""
    assert os.access(script, os.X_OK)
    assert "\nset -euo pipefail\n" in script.read_text()
    assert run("bash", "-n", str(script)).returncode == 0
