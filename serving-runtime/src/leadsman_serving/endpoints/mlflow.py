"""MLflow's scoring protocol."""

from __future__ import annotations

from collections.abc import Mapping

from leadsman_serving.endpoints.endpoint import Endpoint
from leadsman_serving.inference import Inference, Predicted, Question
from leadsman_serving.protocols import invocations
from leadsman_serving.protocols.exchange import JSON, Answer, Call
from leadsman_serving.protocols.written import records, write_json

PATH = "/invocations"


def endpoints(inference: Inference) -> Mapping[str, Endpoint]:
    """The route with what answers it."""

    async def answer(call: Call) -> Answer:
        body = await inference.admitted(call)
        asked = question(inference, body, call.header(b"content-type"))
        return await inference.answer(asked, call)

    return {PATH: Endpoint(answer)}


def question(inference: Inference, body: bytes, content_type: str = JSON) -> Question:
    """What a body asks; BadRequest where it is none of the protocol's."""
    asked = invocations.parse(body, content_type, inference.model.schema)
    return Question(
        len(asked.rows),
        lambda: inference.model.schema.table(asked.rows),
        _written,
        params=asked.params,
    )


def _written(predicted: Predicted) -> bytes:
    return write_json({"predictions": records(predicted.values)})
