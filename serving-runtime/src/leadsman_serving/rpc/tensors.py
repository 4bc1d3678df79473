"""Requests and answers of the Open Inference Protocol over gRPC as those of its core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadsman_serving.columns import refused
from leadsman_serving.protocols.open_inference import (
    Asked,
    Wanted,
    check_parameters,
    params_of,
    seconds_of,
)
from leadsman_serving.protocols.open_inference_values import (
    BYTES,
    FP16,
    NamedTensor,
    malformed,
    of_bytes,
    of_json,
    of_texts,
    to_bytes,
    to_texts,
)
from leadsman_serving.rpc.messages import CLASSES

_FIELDS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    BYTES: "bytes_contents",
}
"""Where the values of each datatype stand; FP16 has none and comes as raw contents."""


def asked_of(message: Any) -> Asked:  # noqa: ANN401 - a class made at run time
    """What a message asks; BadRequest where its parts contradict each other."""
    raw = message.raw_input_contents
    if raw and len(raw) != len(message.inputs):
        raise malformed(f"{len(raw)} raw_input_contents for {len(message.inputs)} inputs")
    tensors = []
    for place, one in enumerate(message.inputs):
        check_parameters(one.name, parameters_of(one.parameters))
        if not raw:
            tensors.append(_of_contents(one))
        elif one.HasField("contents") and one.contents.ByteSize():
            raise malformed(f"input {one.name!r} has contents beside raw_input_contents")
        else:
            tensors.append(of_bytes(one.name, one.datatype, one.shape, memoryview(raw[place])))
    for output in message.outputs:
        check_parameters(output.name, parameters_of(output.parameters))
    wanted = tuple(Wanted(one.name) for one in message.outputs)
    parameters = parameters_of(message.parameters)
    params, seconds = params_of(parameters), seconds_of(parameters)
    return Asked(tuple(tensors), message.id, wanted, bool(raw), params, seconds)


def answer_of(asked: Asked, outputs: Sequence[NamedTensor], head: Mapping[str, str]) -> bytes:
    """The message of an answer: raw to a client that sends raw contents, else typed."""
    answer = CLASSES["ModelInferResponse"](id=asked.id, **head)
    # Half precision has no typed form; and all outputs are to have the same.
    is_raw = asked.is_binary or any(one.datatype == FP16 for one in outputs)
    for one in outputs:
        added = answer.outputs.add(name=one.name, datatype=one.datatype, shape=one.shape)
        if is_raw:
            answer.raw_output_contents.append(to_bytes(one))
        else:
            values = to_texts(one) if one.datatype == BYTES else one.values.ravel().tolist()
            getattr(added.contents, _FIELDS[one.datatype]).extend(values)
    return bytes(answer.SerializeToString())


def parameters_of(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as plain values; those that hold none are left out."""
    chosen = {name: one.WhichOneof("parameter_choice") for name, one in parameters.items()}
    return {name: getattr(parameters[name], one) for name, one in chosen.items() if one}


def _of_contents(tensor: Any) -> NamedTensor:  # noqa: ANN401 - a class made at run time
    name, datatype, shape = tensor.name, tensor.datatype, list(tensor.shape)
    if datatype == FP16:
        raise refused(f"input {name!r}: FP16 comes as raw_input_contents", name)
    field = _FIELDS.get(datatype, "")
    other = next((one.name for one, _ in tensor.contents.ListFields() if one.name != field), None)
    if field and other is not None:
        raise refused(f"input {name!r}: values of {datatype} are {field}, not {other}", name)
    values = list(getattr(tensor.contents, field)) if field else []
    if datatype == BYTES:
        return of_texts(name, shape, values)
    return of_json(name, datatype, shape, values)
