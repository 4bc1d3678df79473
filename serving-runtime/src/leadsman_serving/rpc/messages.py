"""The messages of the Open Inference Protocol over gRPC, and of gRPC's own health service.

Described here rather than by generated code, which is bound to one version of protobuf; a test
compares them with those of Triton's client.
https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/open_inference_grpc.proto
https://github.com/grpc/grpc/blob/master/doc/health-checking.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

INFERENCE, HEALTH = "inference", "grpc.health.v1"
INFERENCE_SERVICE, HEALTH_SERVICE = f"{INFERENCE}.GRPCInferenceService", f"{HEALTH}.Health"
_TENSOR = (
    "name string 1",
    "datatype string 2",
    "shape *int64 3",
    "parameters %InferParameter 4",
    "contents InferTensorContents 5",
)
INFERENCE_MESSAGES: Mapping[str, Sequence[str]] = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": ("live bool 1",),
    "ServerReadyRequest": (),
    "ServerReadyResponse": ("ready bool 1",),
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": ("name string 1", "version string 2", "extensions *string 3"),
    "ModelReadyRequest": ("name string 1", "version string 2"),
    "ModelReadyResponse": ("ready bool 1",),
    "ModelMetadataRequest": ("name string 1", "version string 2"),
    "ModelMetadataResponse": (
        "name string 1",
        "versions *string 2",
        "platform string 3",
        "inputs *ModelMetadataResponse.TensorMetadata 4",
        "outputs *ModelMetadataResponse.TensorMetadata 5",
    ),
    "ModelMetadataResponse.TensorMetadata": (
        "name string 1",
        "datatype string 2",
        "shape *int64 3",
    ),
    "InferParameter": (
        "bool_param ?bool 1",
        "int64_param ?int64 2",
        "string_param ?string 3",
        "double_param ?double 4",
        "uint64_param ?uint64 5",
    ),
    "InferTensorContents": (
        "bool_contents *bool 1",
        "int_contents *int32 2",
        "int64_contents *int64 3",
        "uint_contents *uint32 4",
        "uint64_contents *uint64 5",
        "fp32_contents *float 6",
        "fp64_contents *double 7",
        "bytes_contents *bytes 8",
    ),
    "ModelInferRequest": (
        "model_name string 1",
        "model_version string 2",
        "id string 3",
        "parameters %InferParameter 4",
        "inputs *ModelInferRequest.InferInputTensor 5",
        "outputs *ModelInferRequest.InferRequestedOutputTensor 6",
        "raw_input_contents *bytes 7",
    ),
    "ModelInferRequest.InferInputTensor": _TENSOR,
    "ModelInferRequest.InferRequestedOutputTensor": (
        "name string 1",
        "parameters %InferParameter 2",
    ),
    "ModelInferResponse": (
        "model_name string 1",
        "model_version string 2",
        "id string 3",
        "parameters %InferParameter 4",
        "outputs *ModelInferResponse.InferOutputTensor 5",
        "raw_output_contents *bytes 6",
    ),
    "ModelInferResponse.InferOutputTensor": _TENSOR,
    "RepositoryIndexRequest": ("repository_name string 1", "ready bool 2"),
    "RepositoryIndexResponse": ("models *RepositoryIndexResponse.ModelIndex 1",),
    "RepositoryIndexResponse.ModelIndex": (
        "name string 1",
        "version string 2",
        "state string 3",
        "reason string 4",
    ),
}
"""Each field as its name, its type and its number; `*` marks lists, `%` maps from texts to the
type, `?` the members of the one choice of a message."""
# An enumeration has the same form on the wire as an integer.
_HEALTH_MESSAGES = {
    "HealthCheckRequest": ("service string 1",),
    "HealthCheckResponse": ("status int32 1",),
}
_CHOICE = "parameter_choice"
_SCALARS = {
    name: FieldDescriptorProto.Type.Value(f"TYPE_{name.upper()}")
    for name in ("bool", "bytes", "double", "float", "int32", "int64", "string", "uint32", "uint64")
}


def message_classes(package: str, described: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The class of each message by its name; those within others have dotted names."""
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    protos: dict[str, DescriptorProto] = {}
    for name in described:
        outer, _, own = name.rpartition(".")
        protos[name] = (protos[outer].nested_type if outer else file.message_type).add(name=own)
    for name, fields in described.items():
        for field in fields:
            _add_field(protos[name], f".{package}.{name}", f".{package}.", field)
    pool = DescriptorPool()
    pool.Add(file)  # a pool of its own: a model's code may know the same names
    return {
        name: GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in described
    }


def _add_field(message: DescriptorProto, name: str, package: str, described: str) -> None:
    own, kind, number = described.split()
    mark, kind = (kind[0], kind[1:]) if kind[0] in "*%?" else ("", kind)
    field = message.field.add(name=own, number=int(number))
    field.label = field.LABEL_REPEATED if mark in ("*", "%") else field.LABEL_OPTIONAL
    if mark == "%":
        entry = _add_entry(message, own, package + kind)
        field.type, field.type_name = field.TYPE_MESSAGE, f"{name}.{entry}"
        return
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = field.TYPE_MESSAGE, package + kind
    if mark == "?":
        if not message.oneof_decl:
            message.oneof_decl.add(name=_CHOICE)
        field.oneof_index = 0


def _add_entry(message: DescriptorProto, field: str, kind: str) -> str:
    """The message of one pair of a map."""
    entry = message.nested_type.add(name=f"{field.capitalize()}Entry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=_SCALARS["string"], label=1)
    entry.field.add(name="value", number=2, type=11, label=1, type_name=kind)
    return str(entry.name)


CLASSES = message_classes(INFERENCE, INFERENCE_MESSAGES)
"""Of the protocol."""
HEALTH_CLASSES = message_classes(HEALTH, _HEALTH_MESSAGES)
"""Of the health service."""
