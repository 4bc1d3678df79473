"""From the body of a request to the body of its answer, for both protocols."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TypeAlias

from leadsman_serving.admission import Admission
from leadsman_serving.errors import BadRequest
from leadsman_serving.model import Model
from leadsman_serving.protocols import invocations, predict
from leadsman_serving.protocols.exchange import JSON, Answer, Call
from leadsman_serving.protocols.written import plain, read_json, records, write_json
from leadsman_serving.settings import Settings
from leadsman_serving.single_row import SingleRow
from leadsman_serving.telemetry import RequestMetrics
from leadsman_serving.worker import Worker

Endpoint: TypeAlias = Callable[[Call], Awaitable[Answer]]
# curl's own type, which a person at a terminal does not think of.
_TAKEN = ("", JSON, "application/x-www-form-urlencoded")


def _any(_rows: int) -> None:
    """However many."""


class Inference:
    """The routes that predict."""

    def __init__(
        self, model: Model, settings: Settings, admission: Admission, metrics: RequestMetrics
    ) -> None:
        """Keep what an answer needs, and a thread for models that take their time."""
        self.model, self._limits = model, settings.limits
        self._admission, self._metrics = admission, metrics
        self._seconds = settings.limits.timeout.total_seconds()
        self.worker = Worker(self._seconds, may_be_inline=not model.is_code)
        self._version = {"model": settings.model_name, "version": settings.model_version}
        self.single: SingleRow | None = None
        """Answers the usual request in one pass; None where nothing does."""

    def quicken(self) -> None:
        """Answer usual requests in one pass from now on, if the model suits it."""
        if SingleRow.suits(self.model) and not self._admission.asks:
            self.single = SingleRow(self.model, self.worker, self._version)

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """Each route with what answers it."""
        return {"/predict": self._predict, "/invocations": self._invoke}

    async def _predict(self, call: Call) -> Answer:
        """One row as `features`, or several as `rows`, by position or by name."""
        body = await self._admitted(call)
        kind = call.header(b"content-type").partition(";")[0].strip().lower()
        if kind not in _TAKEN and not kind.endswith("+json"):
            message = f"send {JSON}, not {kind}"
            raise BadRequest(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
        return self._counted(
            await self.predict(
                body, probabilities=call.asks_for("probabilities"), admit=self._admit_rows
            )
        )

    async def _invoke(self, call: Call) -> Answer:
        """MLflow's scoring protocol."""
        body = await self._admitted(call)
        return self._counted(
            await self.invoke(body, call.header(b"content-type"), admit=self._admit_rows)
        )

    async def _admitted(self, call: Call) -> bytes:
        """The body of a request that may be answered; what is refused is counted by its cause."""
        try:
            self._admission.admit(call)
            self.worker.check()
            return await call.body(self._limits.max_body_bytes, self._seconds)
        except BadRequest as error:
            self._metrics.refused(error.code)
            raise

    async def predict(
        self, body: bytes, *, probabilities: bool = False, admit: Callable[[int], None] = _any
    ) -> Answer:
        """Answer a body of `/predict`; `admit` may refuse so many rows."""
        asked = predict.parse(read_json(body), probabilities=probabilities)
        admit(len(asked.rows))

        def work() -> bytes:
            table = self.model.schema.table(asked.rows)
            predictions = plain(self.model.predict(table))
            shares = self.model.probabilities(table) if asked.probabilities else None
            return write_json(predict.answer(asked, predictions, shares, self._version))

        rows = len(asked.rows)
        return Answer(await self.worker.run(work, rows), rows=rows)

    async def invoke(
        self, body: bytes, content_type: str = JSON, *, admit: Callable[[int], None] = _any
    ) -> Answer:
        """Answer a body of `/invocations`; `admit` may refuse so many rows."""
        asked = invocations.parse(body, content_type, self.model.schema)
        admit(len(asked.rows))

        def work() -> bytes:
            table = self.model.schema.table(asked.rows)
            predictions = records(self.model.predict(table, asked.params))
            return write_json({"predictions": predictions})

        rows = len(asked.rows)
        return Answer(await self.worker.run(work, rows), rows=rows)

    def _admit_rows(self, rows: int) -> None:
        """Refuse more rows than a client may send at a time."""
        if rows > self._limits.max_rows:
            self._metrics.refused("TooManyRows")
            raise BadRequest(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "TooManyRows",
                f"{rows} rows, {self._limits.max_rows} are allowed: send fewer at a time",
            )

    def _counted(self, answer: Answer) -> Answer:
        self._metrics.rows(answer.rows)
        return answer
