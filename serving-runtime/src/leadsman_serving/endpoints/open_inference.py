"""The Open Inference Protocol over REST: the routes that predict."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from leadsman_serving.endpoints.endpoint import Endpoint
from leadsman_serving.inference import Inference, Predicted, Question
from leadsman_serving.protocols import open_inference
from leadsman_serving.protocols.exchange import JSON, Answer, Call
from leadsman_serving.protocols.media import kind_of, unsupported
from leadsman_serving.protocols.open_inference import BINARY, JSON_LENGTH, Asked, Written
from leadsman_serving.protocols.open_inference_outputs import PROBABILITIES, tensors_of
from leadsman_serving.protocols.open_inference_rows import row_count, table_of, takes_matrix
from leadsman_serving.protocols.open_inference_values import NamedTensor
from leadsman_serving.protocols.params import read_params

ROOT = "/v2"
UNNAMED = "model"
"""What a model is called whose name the settings leave open."""


def model_path(name: str, version: str = "") -> str:
    """Where a model, or one version of it, is found; as it stands after decoding."""
    return f"{ROOT}/models/{name or UNNAMED}" + (f"/versions/{version}" if version else "")


def paths(name: str, version: str) -> tuple[str, ...]:
    """The routes of a model that predict."""
    return tuple(dict.fromkeys(f"{model_path(name, one)}/infer" for one in ("", version)))


def endpoints(inference: Inference) -> Mapping[str, Endpoint]:
    """The routes with what answers them."""

    async def answer(call: Call) -> Answer:
        body = await inference.admitted(call)
        length = call.header(JSON_LENGTH.encode())
        _check_type(call, is_binary=bool(length))
        return await answer_of(inference, open_inference.parse(body, length), call)

    endpoint = Endpoint(answer, open_inference.refusal, partial(sample, inference))
    version = inference.version
    return dict.fromkeys(paths(version["model"], version["version"]), endpoint)


def sample(inference: Inference) -> Question | None:
    """A row of the model's example as one tensor; None where it has none that is all numbers."""
    model = inference.model
    if not model.example or not takes_matrix(model.schema):
        return None
    row = model.schema.table(model.example[:1]).array().astype(np.float64)
    asked = Asked((NamedTensor("input-0", "FP64", row),))
    head = head_of(inference)
    return question(inference, asked, lambda found: open_inference.write(asked, found, head).body)


async def answer_of(inference: Inference, asked: Asked, call: Call | None = None) -> Answer:
    """The answer over REST, in the time that the client gives."""
    deadline = None if asked.seconds is None else time.monotonic() + asked.seconds
    head = head_of(inference)
    made: list[Written] = []

    def write(tensors: list[NamedTensor]) -> bytes:
        made.append(open_inference.write(asked, tensors, head))
        return made[-1].body

    answer = await inference.answer(question(inference, asked, write), call, deadline)
    length = made[-1].json_length
    if length is None:
        return answer
    return replace(answer, media_type=BINARY, headers={JSON_LENGTH: str(length)})


def question(
    inference: Inference, asked: Asked, write: Callable[[list[NamedTensor]], bytes]
) -> Question:
    """What a client asks; `write` makes the body from the outputs that it gets."""
    known = inference.model.outputs

    def written(predicted: Predicted) -> bytes:
        return write(tensors_of(predicted.values, predicted.shares, asked.outputs, known))

    return Question(
        row_count(asked.tensors),
        lambda: table_of(asked.tensors, inference.model.schema),
        written,
        params=read_params(asked.params, inference.model.params),
        wants_shares=any(one.name == PROBABILITIES for one in asked.outputs),
    )


def head_of(inference: Inference) -> Mapping[str, str]:
    """Which model answers, in the protocol's words."""
    name, version = inference.version["model"], inference.version["version"]
    return {"model_name": name or UNNAMED, **({"model_version": version} if version else {})}


def _check_type(call: Call, *, is_binary: bool) -> None:
    """Refuse bodies that are neither JSON nor binary data; none said is JSON."""
    coding = call.header(b"content-encoding").lower()
    if coding not in ("", "identity"):
        raise unsupported(f"send the body as it is, not with the encoding {coding[:20]}")
    kind = kind_of(call.header(b"content-type"))
    if kind == JSON or (is_binary and kind == BINARY):
        return
    raise unsupported(f"send {JSON}, or {BINARY} with the header {JSON_LENGTH}; not {kind}")
