"""Compiling as a program of its own: whatever a library does to it, the fetch step goes on."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from leadsman_serving.errors import ModelRefused
from leadsman_serving.model import load_model
from leadsman_serving.plans.compile import compile_model
from leadsman_serving.plans.stored import FOLDER, PlanFile, read_plan
from leadsman_serving.settings import Settings
from leadsman_serving.start import MODEL_FOLDER
from leadsman_serving.warm_up import takes_missing

COMPILE = "compile"
_LONGEST_SECONDS = 240.0
_logger = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Compile the model that lies in its folder; 0 also when the original has to serve."""
    folder = Path(settings.model_dir)
    try:
        model = load_model(folder / MODEL_FOLDER, settings.loading)
    except ModelRefused as error:
        # The server says so with all that belongs to it; there is nothing to compile.
        _logger.warning("No plan: %s", error.message)
        return 0
    model = replace(model, schema=replace(model.schema, allows_missing=takes_missing(model)))
    compiled = compile_model(model, settings.model_digest, folder)
    for sentence in compiled.refused:
        _logger.info("Refused: %s", sentence)
    serves = compiled.plan.backend if compiled.plan else f"the original ({model.flavor})"
    _logger.info("Compiled.", extra={"serves": serves})
    return 0


def compiled_apart(settings: Settings) -> PlanFile | None:
    """Compile in a process of its own; None when the original has to serve."""
    command = [sys.executable, "-m", "leadsman_serving", COMPILE]
    try:
        done = subprocess.run(command, timeout=_LONGEST_SECONDS, check=False)  # noqa: S603 - our own
        if done.returncode:
            _logger.warning("No plan: compiling ended with code %s.", done.returncode)
    except subprocess.TimeoutExpired:
        _logger.warning("No plan: compiling took more than %g s.", _LONGEST_SECONDS)
    return read_plan(Path(settings.model_dir) / FOLDER, settings.model_digest)
