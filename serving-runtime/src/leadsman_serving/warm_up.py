"""The first requests of a model, made by the server itself before any client's.

They go the way that clients' requests go, from body to body: a model that fails on its first
request never becomes ready, and what is slow only once is over when clients come.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice

from leadsman_serving.calibration import answers_by_row, measured
from leadsman_serving.cost import Cost
from leadsman_serving.endpoints import ours
from leadsman_serving.endpoints.endpoint import Endpoint
from leadsman_serving.errors import BadRequest, ModelRefused
from leadsman_serving.inference import Inference
from leadsman_serving.model import Model, failed
from leadsman_serving.protocols.written import write_json

_CROWD = 4
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Warmth:
    """What the first requests showed."""

    cost: Cost | None
    """What a call takes from body to body; None without an example."""
    joins: bool
    """Whether several requests may be answered by one call."""
    verify_seconds: float
    """How long it took to find that out."""
    allows_missing: bool
    """Whether the model takes numbers that are missing."""


def warm_up(inference: Inference, endpoints: Mapping[str, Endpoint]) -> Warmth:
    """Answer the model's own examples through all routes; ModelRefused when the model can't."""
    model = inference.model
    allows_missing = model.plan.allows_missing if model.plan else takes_missing(model)
    inference.model = replace(model, schema=replace(model.schema, allows_missing=allows_missing))
    cost = asyncio.run(_replay(inference, endpoints.values()))
    began = time.monotonic()
    if cost is not None:
        inference.worker.expect(cost)
        inference.worker.joins = answers_by_row(inference.model)
    seconds = time.monotonic() - began
    if cost is not None and not inference.worker.does_now(1):
        asyncio.run(_crowd(inference))
    # What was made until now stays: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    return Warmth(cost, inference.worker.joins, seconds, allows_missing)


async def _replay(inference: Inference, endpoints: Iterable[Endpoint]) -> Cost | None:
    """Each route once as clients ask, then calls of several sizes, to know what they cost."""
    model = inference.model
    try:
        for endpoint in endpoints:
            question = endpoint.sample()
            if question is not None:
                await inference.ask(question)
        return await _cost(inference) if model.example else None
    except BadRequest as error:
        raise failed("it refused its own example", error) from error
    except ModelRefused:
        raise
    except Exception as error:
        if model.is_made_up and not model.schema.can_be_guessed:
            _logger.warning(
                "No example: the model was not tried, since a made-up row of words means nothing.",
                extra={"raised": f"{type(error).__name__}: {error}"},
            )
            return None
        raise failed("it failed on its own example", error) from error


async def _cost(inference: Inference) -> Cost:
    """What calls take, from body to body."""

    async def call(rows: int) -> None:
        some = list(islice(cycle(inference.model.example), rows))
        question = ours.question(inference, write_json({"rows": some}))
        # As if it took no time: the way to the thread would count as the model's.
        inference.worker.expect(Cost(0.0, 0.0))
        await inference.ask(question)

    return await measured(call)


async def _crowd(inference: Inference) -> None:
    """Requests as slow models get them: the thread begins, and several are joined."""
    row = write_json({"features": inference.model.example[0]})
    number = _CROWD if inference.worker.joins else 1
    asked = (inference.ask(ours.question(inference, row)) for _ in range(number))
    # It has answered all this before: should it fail now, then as it may for any client.
    await asyncio.gather(*asked, return_exceptions=True)


def takes_missing(model: Model) -> bool:
    """Ask the model once for a row with gaps, so that clients can be told what is wrong.

    A model that is code is not asked: what it does with gaps is its own affair.
    """
    if model.is_code or not model.example:
        return True
    row = model.schema.with_gaps(model.example[0])
    if row is None:
        return True
    try:
        model.predict(model.schema.table([row]))
    except Exception:  # noqa: BLE001 - whatever it raises, it does not take them
        return False
    return True
