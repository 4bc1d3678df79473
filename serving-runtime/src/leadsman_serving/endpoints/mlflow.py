"""MLflow's scoring protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from leadsman_serving.endpoints.endpoint import Endpoint
from leadsman_serving.inference import Inference, Predicted, Question
from leadsman_serving.protocols import invocations
from leadsman_serving.protocols.exchange import JSON, Answer, Call
from leadsman_serving.protocols.media import kind_of
from leadsman_serving.protocols.written import records, write_json

PATH = "/invocations"


def endpoints(inference: Inference) -> Mapping[str, Endpoint]:
    """The route with what answers it."""

    async def answer(call: Call) -> Answer:
        body = await inference.admitted(call)
        kind = call.header(b"content-type")
        if kind_of(kind) == JSON:
            asked = question(inference, body, kind)
        else:  # by libraries that take their time, and are imported for the first of them
            asked = await asyncio.to_thread(question, inference, body, kind)
        return await inference.answer(asked, call)

    def sample() -> Question | None:
        model = inference.model
        if model.body is None or model.is_made_up:
            return None
        return question(inference, write_json(model.body))

    return {PATH: Endpoint(answer, invocations.refusal, sample)}


def question(inference: Inference, body: bytes, content_type: str = JSON) -> Question:
    """What a body asks; BadRequest where it is none of the protocol's."""
    model = inference.model
    asked = invocations.parse(body, content_type, model.schema, model.params, inference.bounds)
    return Question(
        len(asked.rows),
        lambda: model.schema.table(asked.rows),
        _written,
        params=asked.params,
        unknown=asked.unknown,
    )


def _written(predicted: Predicted) -> bytes:
    return write_json({"predictions": records(predicted.values)})
