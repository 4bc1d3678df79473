"""KServe's first protocol: its route that predicts, and what it tells of its model."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from leadsman_serving.endpoints.endpoint import Endpoint
from leadsman_serving.errors import BadRequest
from leadsman_serving.inference import Inference, Predicted, Question
from leadsman_serving.lifecycle import Lifecycle, readiness
from leadsman_serving.plain_routes import PlainRoute
from leadsman_serving.protocols import kserve
from leadsman_serving.protocols.exchange import Answer, Call
from leadsman_serving.protocols.float_rows import read_rows
from leadsman_serving.protocols.media import check_json
from leadsman_serving.protocols.written import plain, write_json


def path_of(model: str) -> str:
    """Where a model of this name is asked."""
    return f"/v1/models/{model}:predict"


def endpoints(inference: Inference) -> Mapping[str, Endpoint]:
    """The route with what answers it."""

    async def answer(call: Call) -> Answer:
        body = await inference.admitted(call)
        check_json(call.header(b"content-type"))
        return await inference.answer(question(inference, body), call)

    return {path_of(inference.version["model"]): Endpoint(answer, kserve.refusal)}


def question(inference: Inference, body: bytes) -> Question:
    """What a body asks; BadRequest where it is none of the protocol's."""
    model = inference.model
    asked = kserve.parse(read_rows(body, model.schema), model.schema, model.params)
    return Question(
        len(asked.rows),
        lambda: model.schema.table(asked.rows),
        _written,
        params=asked.params,
        unknown=asked.unknown,
    )


def plain_routes(served: str, lifecycle: Lifecycle) -> dict[str, PlainRoute]:
    """What KServe's clients ask before they predict."""

    def live(_call: Call) -> Answer:
        return Answer(msgspec.json.encode({"status": "alive"}))

    def models(_call: Call) -> Answer:
        return Answer(msgspec.json.encode({"models": [served] if served else []}))

    def model(call: Call) -> Answer:
        missing = unready(served, lifecycle)
        if missing is not None:
            return kserve.refusal(missing, call.request_id)
        return Answer(msgspec.json.encode({"name": served, "ready": True}))

    found = {
        "/": PlainRoute(
            "kserve v1", "Whether the server lives, where KServe's clients look.", live
        ),
        "/v1/models": PlainRoute("kserve v1", "The model that is here.", models),
    }
    if served:
        found[f"/v1/models/{served}"] = PlainRoute("kserve v1", "Whether it is ready.", model)
    return found


def unready(served: str, lifecycle: Lifecycle) -> BadRequest | None:
    """What to say while the model does not answer; None when it does."""
    if readiness(lifecycle).code is HTTPStatus.OK:
        return None
    message = f"Model with name {served} is not ready."
    return BadRequest(HTTPStatus.SERVICE_UNAVAILABLE, "NotReady", message)


def _written(predicted: Predicted) -> bytes:
    return write_json({"predictions": plain(predicted.values)})
