"""From what a request asks the model to the bytes of its answer, the same for every protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from leadsman_serving.admission import Admission
from leadsman_serving.errors import BadRequest
from leadsman_serving.model import Model
from leadsman_serving.protocols.exchange import Answer, Call
from leadsman_serving.settings import Settings
from leadsman_serving.single_row import SingleRow
from leadsman_serving.table import Table
from leadsman_serving.telemetry import RequestMetrics
from leadsman_serving.worker import Worker


@dataclass(frozen=True, slots=True)
class Predicted:
    """What the model gave for the rows of one request."""

    values: object
    """Whatever the library gives: an array, a list, a frame."""
    shares: list[Any] | None = None
    """The probability of each class for each row, where that was asked for and is known."""


@dataclass(frozen=True, slots=True)
class Question:
    """What one request asks, however its protocol writes that down."""

    rows: int
    table: Callable[[], Table]
    """Makes the rows, where the model runs: many take their time. Raises BadRequest."""
    written: Callable[[Predicted], bytes]
    """The body of the answer; runs there as well."""
    params: Mapping[str, Any] | None = None
    """MLflow's parameters of one request; only code of its own heeds them."""
    wants_shares: bool = False
    media_type: str = "application/json"
    headers: Mapping[str, str] | None = None


class Inference:
    """Answers questions with one model."""

    def __init__(
        self, model: Model, settings: Settings, admission: Admission, metrics: RequestMetrics
    ) -> None:
        """Keep what an answer needs, and a thread for models that take their time."""
        self.model, self._limits = model, settings.limits
        self._admission, self._metrics = admission, metrics
        self._seconds = settings.limits.timeout.total_seconds()
        self.worker = Worker(self._seconds, may_be_inline=not model.is_code)
        self.version = {"model": settings.model_name, "version": settings.model_version}
        """Which model answers: stands in answers of our own protocol."""
        self.single: SingleRow | None = None
        """Answers the usual request in one pass; None where nothing does."""

    def quicken(self) -> None:
        """Answer usual requests in one pass from now on, if the model suits it."""
        if SingleRow.suits(self.model) and not self._admission.asks:
            self.single = SingleRow(self.model, self.worker, self.version)

    async def admitted(self, call: Call) -> bytes:
        """The body of a request that may be answered; what is refused is counted by its cause."""
        try:
            self._admission.admit(call)
            self.worker.check()
            return await call.body(self._limits.max_body_bytes, self._seconds)
        except BadRequest as error:
            self._metrics.refused(error.code)
            raise

    async def answer(self, question: Question) -> Answer:
        """Answer a client, unless it asks for more rows than it may."""
        self._admit_rows(question.rows)
        answer = await self.ask(question)
        self._metrics.rows(answer.rows)
        return answer

    async def ask(self, question: Question) -> Answer:
        """Answer whoever asks, the server itself too; BadRequest for what the model can't take."""

        def work() -> bytes:
            table = question.table()
            values = self.model.predict(table, question.params)
            shares = self.model.probabilities(table) if question.wants_shares else None
            return question.written(Predicted(values, shares))

        body = await self.worker.run(work, question.rows)
        return Answer(
            body,
            media_type=question.media_type,
            headers=question.headers or {},
            rows=question.rows,
        )

    def _admit_rows(self, rows: int) -> None:
        """Refuse more rows than a client may send at a time."""
        if rows > self._limits.max_rows:
            self._metrics.refused("TooManyRows")
            raise BadRequest(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "TooManyRows",
                f"{rows} rows, {self._limits.max_rows} are allowed: send fewer at a time",
            )
