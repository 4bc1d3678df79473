"""The start of a server: its model, loaded and timed."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from leadsman_api.termination import Termination
from leadsman_serving.errors import ModelRefused
from leadsman_serving.last_words import write_last_words
from leadsman_serving.model import Model, load_model
from leadsman_serving.settings import Settings

_FOLDER = "model"
_logger = logging.getLogger(__name__)


def load(settings: Settings) -> Model:
    """Load the model that the fetch step has left; raises ModelRefused."""
    began = time.monotonic()
    model = load_model(Path(settings.model_dir) / _FOLDER, settings.loading)
    _logger.info(
        "Loaded.",
        extra={
            "flavor": model.flavor,
            "seconds": round(time.monotonic() - began, 2),
            "predict_ms": round(1000 * model.seconds, 3),
            "takes_missing_numbers": model.schema.allows_missing,
        },
    )
    return model


def say_refused(settings: Settings, error: ModelRefused) -> None:
    """Tell the pod's status why the model can't serve."""
    said = Termination(reason=error.reason, message=error.message[:1024])
    write_last_words(settings.termination_path, said)
