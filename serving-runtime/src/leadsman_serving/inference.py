"""The routes that answer with predictions."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from leadsman_serving.admission import Admission
from leadsman_serving.errors import BadRequest
from leadsman_serving.model import Model
from leadsman_serving.protocols import invocations, predict
from leadsman_serving.protocols.body import read_body, read_json
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import RequestMetrics

INLINE_SECONDS = 0.001
"""Predictions quicker than this are made on the event loop: a thread would cost more."""

Answer = TypeVar("Answer")
_logger = logging.getLogger(__name__)


class Inference:
    """Turns requests into predictions, one at a time."""

    def __init__(
        self, model: Model, settings: Settings, admission: Admission, metrics: RequestMetrics
    ) -> None:
        """Keep what an answer needs, and a thread for models that take their time."""
        self._model, self._settings = model, settings
        self._admission, self._metrics = admission, metrics
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self._version = {"model": settings.model_name, "version": settings.model_version}

    def routes(self) -> APIRouter:
        """The routes of the model port."""
        router = APIRouter(tags=["inference"])
        example = {"example": {"features": self._example()}}
        body = {"content": {"application/json": example}, "required": True}
        router.post("/predict", openapi_extra={"requestBody": body})(self.predict)
        router.post("/invocations")(self.invoke)
        router.get("/ping")(self.ping)
        router.get("/version")(self.version)
        return router

    async def predict(self, request: Request) -> Response:
        """One row as `features`, or several as `rows`, by position or by name."""
        asked = predict.parse(read_json(await self._body(request)))

        def work() -> tuple[list[Any], list[Any] | None]:
            table = self._model.schema.table(asked.rows)
            wanted = asked.probabilities
            return (
                self._model.predict(table),
                self._model.probabilities(table) if wanted else None,
            )

        predictions, probabilities = await self._work(work, len(asked.rows))
        return _json(predict.answer(asked, predictions, probabilities, self._version))

    async def invoke(self, request: Request) -> Response:
        """MLflow's scoring protocol."""
        kind = request.headers.get("content-type", invocations.JSON).partition(";")[0].strip()
        body = await self._body(request)
        if kind == invocations.CSV:
            rows = invocations.parse_csv(body, self._model.schema)
        elif kind == invocations.JSON:
            rows = invocations.parse_json(read_json(body), self._model.schema)
        else:
            raise BadRequest(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "UnsupportedMediaType",
                f"send {invocations.JSON} or {invocations.CSV}, not {kind}",
            )
        table = self._model.schema.table
        predictions = await self._work(lambda: self._model.predict(table(rows)), len(rows))
        return _json({"predictions": predictions})

    async def ping(self) -> Response:
        """An empty answer: MLflow's and SageMaker's probe."""
        return Response(b"\n", media_type=invocations.JSON)

    async def version(self) -> Response:
        """The model that answers."""
        return _json({**self._version, "digest": self._settings.model_digest})

    async def _body(self, request: Request) -> bytes:
        try:
            self._admission.admit(request)
            return await read_body(request, self._settings.limits.max_body_bytes)
        except BadRequest as error:
            self._metrics.refused(error.code)
            raise

    async def _work(self, work: Callable[[], Answer], rows: int) -> Answer:
        """Do the work in its place: on the loop if it is quick, else in the one thread."""
        limits = self._settings.limits
        if rows > limits.max_rows:
            raise BadRequest(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "TooManyRows",
                f"{rows} rows, {limits.max_rows} are allowed: send fewer at a time",
            )
        self._metrics.rows(rows)
        if self._model.seconds * rows < INLINE_SECONDS:
            return work()
        self._admission.waiting += 1
        try:
            async with asyncio.timeout(limits.timeout.total_seconds()):
                return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except TimeoutError as error:
            raise BadRequest(
                HTTPStatus.GATEWAY_TIMEOUT,
                "Timeout",
                f"no answer within {limits.timeout.total_seconds():g} s: send fewer rows",
            ) from error
        finally:
            self._admission.waiting -= 1

    def _example(self) -> object:
        """A row that the model takes, for the documentation."""
        example = self._model.example
        return example[0] if example else [0]


def _json(body: object) -> Response:
    """JSON as its standard has it; numbers that it can't write become null."""
    try:
        content = msgspec.json.encode(body)
    except TypeError:
        content = json.dumps(_finite(body), default=str).encode()
    return Response(content, media_type=invocations.JSON)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
