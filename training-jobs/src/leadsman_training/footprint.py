"""What a version weighs and what a row of it costs, measured as it would be served.

The serving runtime is another program: it compiles the files and times its own plan in a
process of its own. What can't be measured passes no bound.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from leadsman_api.environment import Variable
from leadsman_api.v1alpha1.objective import Gate
from leadsman_api.v1alpha1.training_run_status import GateCheck
from leadsman_training.gate import check_most

_RUNTIME = (sys.executable, "-m", "leadsman_serving")
_LONGEST_SECONDS = 300.0
_logger = logging.getLogger(__name__)


def checks(gate: Gate, folder: Path) -> Iterator[GateCheck]:
    """The bounds that the gate has for the files in a folder."""
    if gate.max_size is not None:
        yield check_most("size", float(size_of(folder)), float(gate.max_size.amount), "bytes")
    if gate.max_latency is not None:
        yield check_most("latency", latency_of(folder), gate.max_latency.total_seconds(), "s")


def size_of(folder: Path) -> int:
    """Bytes of all files."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def latency_of(model: Path) -> float | None:
    """Seconds that 95 of 100 single rows stay below; None when they can't be timed."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(model, Path(folder) / "model")
        variables = {Variable.MODEL_DIR: folder, Variable.LOADING: "Trusted"}
        environment = {**os.environ, **{str(name): text for name, text in variables.items()}}
        environment["LEADSMAN_TERMINATION_PATH"] = str(Path(folder) / "said")
        for command in ("compile", "measure"):
            try:
                done = subprocess.run(  # noqa: S603 - our own program
                    [*_RUNTIME, command], env=environment, timeout=_LONGEST_SECONDS, check=False,
                    stdout=subprocess.PIPE, text=True,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                _logger.warning("The runtime took more than %g s to %s.", _LONGEST_SECONDS, command)
                return None
            if done.returncode:
                _logger.warning("The runtime ended %s with code %s.", command, done.returncode)
                return None
    return _said(done.stdout)


def _said(text: str) -> float | None:
    """The last line; libraries may have written before it."""
    try:
        found = json.loads(text.strip().splitlines()[-1])
        _logger.info("Timed.", extra={"timed": found})
        return float(found["p95"])
    except (ValueError, LookupError, TypeError):
        return None
