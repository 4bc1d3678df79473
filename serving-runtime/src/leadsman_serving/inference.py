"""From what a request asks the model to the bytes of its answer, the same for every protocol."""

from __future__ import annotations

import copy
import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from leadsman_serving.admission import Admission
from leadsman_serving.cpu import read_quota, threads_for
from leadsman_serving.errors import BadRequest
from leadsman_serving.model import Model
from leadsman_serving.protocols.exchange import Answer, Bodies, Call
from leadsman_serving.protocols.parquet_rows import Bounds
from leadsman_serving.question import Predicted, Question
from leadsman_serving.settings import Settings
from leadsman_serving.spans.span import CURRENT, staged
from leadsman_serving.telemetry import RequestMetrics
from leadsman_serving.together import Outcome, answers
from leadsman_serving.worker import Worker

__all__ = ["Inference", "Predicted", "Question"]

_BODIES = 32
"""As many bodies of the largest size may be on their way at a time."""


class Inference:
    """Answers questions with one model."""

    def __init__(
        self, model: Model, settings: Settings, admission: Admission, metrics: RequestMetrics
    ) -> None:
        """Keep what an answer needs, and a thread for models that take their time."""
        self.model, self._limits = model, settings.limits
        self.admission, self.metrics = admission, metrics
        self._seconds = settings.limits.timeout.total_seconds()
        self.worker: Worker[Question, bytes] = Worker(
            self.outcomes,
            settings.limits.max_rows,
            may_be_inline=not model.is_code,
            threads=threads_for(settings.threads, read_quota()),
        )
        self.version = {"model": settings.model_name, "version": settings.model_version}
        """Which model answers: stands in answers of our own protocol."""
        self._bodies = Bodies(_BODIES * self._limits.max_body_bytes)
        self.bounds = Bounds(self._limits.max_rows, self._limits.max_body_bytes)
        """What a file may hold that unpacks to more than itself."""

    def uncounted(self) -> Inference:
        """The same model for who is no client: without a rate, and counted nowhere."""
        other = copy.copy(self)
        other.admission, other.metrics = self.admission.without_rate(), RequestMetrics()
        return other

    async def admitted(self, call: Call) -> bytes:
        """The body of a request that may be answered; what is refused is counted by its cause."""
        try:
            self.admission.admit(call)
            seconds = call.seconds(self._seconds)
            call.deadline = time.monotonic() + seconds
            self.worker.check(call.deadline)
            body = await call.body(self._limits.max_body_bytes, seconds, self._bodies)
        except BadRequest as error:
            self.metrics.refused(error.code)
            raise
        if span := CURRENT.get():
            span.stage("decode")
        return body

    async def answer(
        self, question: Question, call: Call | None = None, deadline: float | None = None
    ) -> Answer:
        """Answer a client, unless it asks for more rows than it may or for what can't be in time.

        The deadline, on the monotonic clock, is the soonest of the call's, of `deadline` and of
        the pod's own limit. Work that the call's client no longer waits for is not begun.
        """
        latest = time.monotonic() + self._seconds
        if call is not None:
            latest = min(latest, call.deadline)
        if deadline is not None:
            latest = min(latest, deadline)
        try:
            self._admit_rows(question.rows)
            self.worker.check(latest, question.rows, joins=not question.params)
        except BadRequest as error:
            self.metrics.refused(error.code)
            raise
        answer = await self.ask(staged(question), latest, None if call is None else call.gone)
        self.metrics.rows(answer.rows)
        self.metrics.unknown_columns(question.unknown)
        return answer

    async def ask(
        self,
        question: Question,
        deadline: float | None = None,
        gone: Callable[[], Awaitable[None]] | None = None,
    ) -> Answer:
        """Answer whoever asks, the server itself too; BadRequest for what the model can't take."""
        if self.worker.does_now(question.rows):
            body = self.worker.do_now(question, question.rows)
        else:
            latest = time.monotonic() + self._seconds if deadline is None else deadline
            # Parameters may mean anything to a model, so those who send some are asked alone.
            joins = None if question.params else ("shares", question.wants_shares)
            body = await self.worker.run(question, question.rows, latest, joins, gone)
        return Answer(
            body,
            media_type=question.media_type,
            headers=question.headers or {},
            rows=question.rows,
        )

    def outcomes(self, questions: Sequence[Question]) -> list[Outcome]:
        """Answer here and now, on whatever thread this is."""
        return answers(self.model, questions)

    def _admit_rows(self, rows: int) -> None:
        """Refuse more rows than a client may send at a time."""
        if rows > self._limits.max_rows:
            raise BadRequest(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "TooManyRows",
                f"{rows} rows, {self._limits.max_rows} are allowed: send fewer at a time",
            )
