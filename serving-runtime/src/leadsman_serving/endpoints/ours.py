"""Our own protocol: one row as `features`, or several as `rows`, by position or by name."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from leadsman_serving.endpoints.endpoint import Endpoint
from leadsman_serving.errors import BadRequest
from leadsman_serving.inference import Inference, Predicted, Question
from leadsman_serving.protocols import predict
from leadsman_serving.protocols.exchange import JSON, Answer, Call
from leadsman_serving.protocols.written import plain, read_json, write_json

PATH = "/predict"
# curl's own type, which a person at a terminal does not think of.
_TAKEN = ("", JSON, "application/x-www-form-urlencoded")


def endpoints(inference: Inference) -> Mapping[str, Endpoint]:
    """The route with what answers it."""

    async def answer(call: Call) -> Answer:
        body = await inference.admitted(call)
        kind = call.header(b"content-type").partition(";")[0].strip().lower()
        if kind not in _TAKEN and not kind.endswith("+json"):
            message = f"send {JSON}, not {kind}"
            raise BadRequest(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
        asked = question(inference, body, probabilities=call.asks_for("probabilities"))
        return await inference.answer(asked, call)

    return {PATH: Endpoint(answer)}


def question(inference: Inference, body: bytes, *, probabilities: bool = False) -> Question:
    """What a body asks; BadRequest where it is none of the protocol's."""
    asked = predict.parse(read_json(body), probabilities=probabilities)

    def written(predicted: Predicted) -> bytes:
        values = plain(predicted.values)
        return write_json(predict.answer(asked, values, predicted.shares, inference.version))

    return Question(
        len(asked.rows),
        lambda: inference.model.schema.table(asked.rows),
        written,
        wants_shares=asked.probabilities,
    )
