"""Requests and answers of the Open Inference Protocol over REST, with binary tensor data.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec

from leadsman_serving.columns import refused
from leadsman_serving.errors import BadRequest
from leadsman_serving.protocols.exchange import Answer
from leadsman_serving.protocols.open_inference_values import (
    FP16,
    NamedTensor,
    malformed,
    of_bytes,
    of_json,
    to_bytes,
    to_json,
)
from leadsman_serving.protocols.written import read_json, write_json
from leadsman_serving.table import Array

JSON_LENGTH = "inference-header-content-length"
"""The header that tells where a body's JSON ends and its binary data begins."""
BINARY = "application/octet-stream"
_SIZE, _IS_BINARY, _ARE_BINARY = "binary_data_size", "binary_data", "binary_data_output"
_TIMEOUT = "timeout"
_REFUSED = {
    "classification": "ask for the output `probabilities` instead",
    "shared_memory_region": "send the data itself",
}
# The protocol's own, and what other servers' clients send along: nothing that a model is told.
_NOT_OF_MODELS = frozenset(
    [
        _ARE_BINARY, _TIMEOUT, "content_type", "headers", "priority",
        "sequence_id", "sequence_start", "sequence_end",
    ]
)  # fmt: skip


class _Input(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: Any = msgspec.UNSET
    parameters: dict[str, Any] | None = None


class _Output(msgspec.Struct):
    name: str
    parameters: dict[str, Any] | None = None


class _Request(msgspec.Struct):
    inputs: list[_Input]
    id: str = ""
    parameters: dict[str, Any] | None = None
    outputs: list[_Output] | None = None


_decode = msgspec.json.Decoder(_Request).decode


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that a client names."""

    name: str
    is_binary: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for, over REST or gRPC."""

    tensors: tuple[NamedTensor, ...]
    id: str = ""
    outputs: tuple[Wanted, ...] = ()
    """Those that it names; empty for all predictions."""
    is_binary: bool = False
    """Whether outputs that are not named come as binary data."""
    params: Mapping[str, Any] | None = None
    """Parameters that are the model's."""
    seconds: float | None = None
    """How long the client waits, where it says so."""

    def form_of(self, name: str) -> bool:
        """Whether this output is to be binary data."""
        return next((one.is_binary for one in self.outputs if one.name == name), self.is_binary)


def parse(body: bytes, json_length: str = "") -> Asked:
    """What a body asks; `json_length` is the header of binary data, empty without it.

    BadRequest with 400 for what can't be read, with 422 for what is none of the protocol's.
    """
    head, rest = body, memoryview(b"")
    if json_length:
        if not (json_length.isascii() and json_length.isdigit()) or int(json_length) > len(body):
            message = f"the header {JSON_LENGTH} is {json_length[:20]!r}, the body has {len(body)}"
            raise malformed(f"{message} bytes")
        end = int(json_length)
        head, rest = body[:end], memoryview(body)[end:]
    request = _request(head)
    tensors = _tensors(request.inputs, rest)
    parameters = request.parameters or {}
    by_default = _flag(parameters, _ARE_BINARY, default=False)
    outputs = tuple(_wanted(one, by_default=by_default) for one in request.outputs or ())
    seconds = seconds_of(parameters)
    return Asked(tensors, request.id, outputs, by_default, params_of(parameters), seconds)


def params_of(parameters: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The parameters that are the model's; None without any."""
    return {name: one for name, one in parameters.items() if name not in _NOT_OF_MODELS} or None


def seconds_of(parameters: Mapping[str, Any]) -> float | None:
    """How long the client waits: `timeout`, in microseconds; None for 0 or without one.

    https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_schedule_policy.md
    """
    told = parameters.get(_TIMEOUT, 0)
    if isinstance(told, str) and told.isascii() and told.isdigit():
        told = int(told)  # what gRPC's clients for other servers send
    if isinstance(told, bool) or not isinstance(told, int) or told < 0:
        raise refused("the parameter timeout is a whole number of microseconds")
    return told / 1e6 or None


def check_parameters(name: str, parameters: Mapping[str, Any]) -> None:
    """Refuse what is asked of a tensor and would not be done."""
    for word, instead in _REFUSED.items():
        if parameters.get(word):
            raise refused(f"{name!r}: the parameter {word} is not supported: {instead}", name)


def write(asked: Asked, outputs: Sequence[NamedTensor], head: Mapping[str, str]) -> Written:
    """The body of an answer; `head` names the model and its version."""
    described, raw = [], []
    for tensor in outputs:
        if asked.form_of(tensor.name):
            raw.append(to_bytes(tensor))
            form: dict[str, Any] = {"parameters": {_SIZE: len(raw[-1])}}
        else:
            tensor = _for_json(tensor)  # noqa: PLW2901 - the same values in another form
            form = {"data": to_json(tensor)}
        named = {"name": tensor.name, "shape": tensor.shape, "datatype": tensor.datatype}
        described.append({**named, **form})
    identity = {"id": asked.id} if asked.id else {}
    json = write_json({**head, **identity, "outputs": described})
    return Written(json + b"".join(raw), len(json) if raw else None)


@dataclass(frozen=True, slots=True)
class Written:
    """The body of an answer."""

    body: bytes
    json_length: int | None
    """Where its binary data begins; None without any."""


def refusal(error: BadRequest, request_id: str) -> Answer:
    """The protocol's own form of an error; the id of a fault leads to the log."""
    is_ours = error.status is HTTPStatus.INTERNAL_SERVER_ERROR
    message = f"{error.message} (request {request_id})" if is_ours else error.message
    body = msgspec.json.encode({"error": message})
    return Answer(body, error.status.value, headers=error.headers)


def _request(head: bytes) -> _Request:
    try:
        return _decode(head)
    # No JSON, or such as Python writes, or unfit.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        content = read_json(head)
    try:
        return msgspec.convert(content, _Request)
    except msgspec.ValidationError as error:
        raise refused(f"no request of the Open Inference Protocol: {error}") from error


def _tensors(inputs: Sequence[_Input], rest: memoryview) -> tuple[NamedTensor, ...]:
    """All inputs; each takes its part of the binary data in turn."""
    tensors, place = [], 0
    for one in inputs:
        parameters = one.parameters or {}
        check_parameters(one.name, parameters)
        size = parameters.get(_SIZE)
        if size is None:
            if one.data is msgspec.UNSET:
                raise refused(f"input {one.name!r} has neither data nor {_SIZE}", one.name)
            tensors.append(of_json(one.name, one.datatype, one.shape, one.data))
            continue
        if type(size) is not int or not 0 <= size <= len(rest) - place:
            left = len(rest) - place
            raise malformed(f"input {one.name!r}: {_SIZE} is {size!r}, {left} bytes are left")
        if one.data is not msgspec.UNSET:
            raise malformed(f"input {one.name!r} has both data and {_SIZE}: send one of them")
        part = rest[place : place + size]
        tensors.append(of_bytes(one.name, one.datatype, one.shape, part))
        place += size
    if place != len(rest):
        raise malformed(f"{len(rest) - place} bytes of binary data belong to no input")
    return tuple(tensors)


def _wanted(output: _Output, *, by_default: bool) -> Wanted:
    parameters = output.parameters or {}
    check_parameters(output.name, parameters)
    return Wanted(output.name, _flag(parameters, _IS_BINARY, default=by_default))


def _flag(parameters: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise refused(f"the parameter {name} is true or false")
    return value


def _for_json(tensor: NamedTensor) -> NamedTensor:
    """JSON has no half precision: the next wider type holds the same values."""
    if tensor.datatype != FP16:
        return tensor
    wide: Array = tensor.values.astype("f4")
    return NamedTensor(tensor.name, "FP32", wide)
