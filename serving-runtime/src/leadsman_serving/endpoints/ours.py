"""Our own protocol: one row as `features`, or several as `rows`, by position or by name."""

from __future__ import annotations

from collections.abc import Mapping

from leadsman_serving.endpoints.endpoint import Endpoint
from leadsman_serving.inference import Inference, Predicted, Question
from leadsman_serving.protocols import predict
from leadsman_serving.protocols.exchange import Answer, Call
from leadsman_serving.protocols.float_rows import read_rows
from leadsman_serving.protocols.media import check_json
from leadsman_serving.protocols.written import plain, write_json

PATH = "/predict"


def endpoints(inference: Inference) -> Mapping[str, Endpoint]:
    """The route with what answers it."""

    async def answer(call: Call) -> Answer:
        body = await inference.admitted(call)
        check_json(call.header(b"content-type"))
        asked = question(inference, body, probabilities=call.asks_for("probabilities"))
        return await inference.answer(asked, call)

    def sample() -> Question | None:
        rows = inference.model.example
        if not rows:
            return None
        body = write_json({"features": rows[0], "probabilities": True})
        return question(inference, body)

    return {PATH: Endpoint(answer, sample=sample)}


def question(inference: Inference, body: bytes, *, probabilities: bool = False) -> Question:
    """What a body asks; BadRequest where it is none of the protocol's."""
    content = read_rows(body, inference.model.schema)
    asked = predict.parse(content, probabilities=probabilities)

    def written(predicted: Predicted) -> bytes:
        values = plain(predicted.values)
        return write_json(predict.answer(asked, values, predicted.shares, inference.version))

    return Question(
        len(asked.rows),
        lambda: inference.model.schema.table(asked.rows),
        written,
        wants_shares=asked.probabilities,
        unknown=inference.model.schema.unknown(asked.rows),
    )
