"""What one row costs, as a program: for gates that bound it before a version is ever served.

It prints one line of JSON with seconds: `median` and `p95`, and the `backend` that answers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import statistics
import sys
import time

from leadsman_serving.endpoints import ours
from leadsman_serving.errors import ModelRefused
from leadsman_serving.inference import Inference
from leadsman_serving.protocols.written import write_json
from leadsman_serving.settings import Settings
from leadsman_serving.start import begin
from leadsman_serving.telemetry import RequestMetrics

CALLS = 300
_logger = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Time the model that lies in its folder, by its plan where there is one; 1 if it can't be."""
    try:
        inference = begin(settings, RequestMetrics())
    except ModelRefused as error:
        _logger.error("%s: %s", error.reason, error.message)  # noqa: TRY400 - says it all
        return 1
    if not inference.model.example:
        _logger.error("The model has no example: there is no row to time.")
        return 1
    seconds = asyncio.run(_times(inference))
    found = {
        "backend": inference.model.backend,
        "median": statistics.median(seconds),
        "p95": statistics.quantiles(seconds, n=20)[-1],
    }
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


async def _times(inference: Inference) -> list[float]:
    """From body to body, row after row."""
    row = write_json({"features": inference.model.example[0]})
    found = []
    for _ in range(CALLS):
        began = time.perf_counter()
        await inference.ask(ours.question(inference, row))
        found.append(time.perf_counter() - began)
    return found
