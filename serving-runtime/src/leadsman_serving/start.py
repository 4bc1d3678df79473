"""The start of a server: its model loaded, warmed up and timed, and each phase logged."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from leadsman_api.termination import Termination
from leadsman_serving.admission import Admission
from leadsman_serving.api_keys import keys_in
from leadsman_serving.app import endpoints_of
from leadsman_serving.errors import ModelRefused
from leadsman_serving.inference import Inference
from leadsman_serving.last_words import write_last_words
from leadsman_serving.model import Model, load_model, load_planned
from leadsman_serving.plans.stored import FOLDER, read_plan
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import RequestMetrics
from leadsman_serving.warm_up import warm_up

MODEL_FOLDER = "model"
_logger = logging.getLogger(__name__)


def begin(settings: Settings, metrics: RequestMetrics) -> Inference:
    """What answers with the model that the fetch step has left; raises ModelRefused.

    A refusal stands in the termination message as well, for the pod's status.
    """
    began = time.monotonic()
    admission = Admission(keys_in(settings.api_keys_dir), settings.limits.rate_limit)
    try:
        model = _load(settings)
        loaded = time.monotonic()
        inference = Inference(model, settings, admission, metrics)
        warmth = warm_up(inference, endpoints_of(inference))
    except ModelRefused as error:
        said = Termination(reason=error.reason, message=error.message[:1024])
        write_last_words(settings.termination_path, said)
        raise
    warm_up_seconds = time.monotonic() - loaded - warmth.verify_seconds
    metrics.phases |= {
        "load": loaded - began,
        "warm_up": warm_up_seconds,
        "verify": warmth.verify_seconds,
    }
    metrics.worker = inference.worker
    _logger.info(
        "Loaded.",
        extra={
            "flavor": model.flavor,
            "backend": model.backend,
            "load_seconds": round(loaded - began, 3),
            "warm_up_seconds": round(warm_up_seconds, 3),
            "verify_seconds": round(warmth.verify_seconds, 3),
            "predict_ms": None if warmth.cost is None else round(1000 * warmth.cost.of(1), 3),
            "joins_requests": warmth.joins,
            "takes_missing_numbers": warmth.allows_missing,
        },
    )
    metrics.serves(
        model.backend, settings.model_name, settings.model_version, settings.model_digest
    )
    return inference


def _load(settings: Settings) -> Model:
    """The model by its plan, or as it is where there is none that works."""
    folder = Path(settings.model_dir)
    plan = read_plan(folder / FOLDER, settings.model_digest)
    if plan is not None:
        try:
            return load_planned(folder / MODEL_FOLDER, settings.loading, plan, folder / FOLDER)
        except ModelRefused:
            raise
        except Exception:
            _logger.exception("The plan can't be used: the original serves.")
    return load_model(folder / MODEL_FOLDER, settings.loading)
