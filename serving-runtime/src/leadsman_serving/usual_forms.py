"""The usual bodies of each protocol, one row and nothing else, as typed decoders know them.

A decoder raises for whatever is not usual, which the general way then reads and has words for.
What is written must be what the general way writes, byte for byte: whoever uses a form compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from leadsman_serving.schema import Schema

_COLUMN = "c{}"
KINDS: dict[str, Any] = {
    "double": float,
    "string": str,
    "boolean": bool,
    "long": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    "integer": Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)],
}
"""The types of columns whose values need no words when they are right."""
Values: TypeAlias = Sequence[Any]


class Unusual(Exception):
    """A body that has to be read in the general way."""


@dataclass(frozen=True, slots=True)
class Form:
    """One protocol's usual body, and the answer to it."""

    decode: Callable[[bytes], Any]
    values: Callable[[Any], Values]
    """The values of the row, in the order of the columns, from what was decoded."""
    written: Callable[[Any, bytes], bytes]
    """The body of the answer, from what was decoded and the prediction in JSON."""


def ours(schema: Schema, version: Mapping[str, str]) -> Form:
    """`{"features": ...}`; `version` stands at the end of each answer."""
    body = _struct({"features": _row_of(schema)})
    tail = b"," + msgspec.json.encode(version)[1:] if version else b"}"
    return Form(
        msgspec.json.Decoder(body).decode,
        lambda asked: _values(asked.features),
        lambda _asked, prediction: b'{"prediction":' + prediction + tail,
    )


def of_mlflow(schema: Schema) -> Form:
    """One row in one of MLflow's four forms."""
    row = _row_of(schema)
    split: Any = _struct({"columns": list[str], "data": _tuple_of(row)}, columns=[])
    forms: dict[str, Any] = {"inputs": _tuple_of(row), "instances": _tuple_of(row)}
    forms["dataframe_split"] = split
    if schema.names:
        forms["dataframe_records"] = _tuple_of(_named(schema))
    body = _struct(
        {name: kind | msgspec.UnsetType for name, kind in forms.items()},
        **dict.fromkeys(forms, msgspec.UNSET),
    )
    names = list(schema.names)

    def values(asked: Any) -> Values:  # noqa: ANN401 - made above
        (given,) = (one for one in msgspec.structs.astuple(asked) if one is not msgspec.UNSET)
        if type(given) is not split:
            return _values(given[0])
        if given.columns != names:
            raise Unusual
        return _values(given.data[0])

    return Form(msgspec.json.Decoder(body).decode, values, _predictions)


def of_kserve(schema: Schema) -> Form:
    """`{"instances": [...]}` with one row."""
    body = _struct({"instances": _tuple_of(_row_of(schema))})
    return Form(
        msgspec.json.Decoder(body).decode,
        lambda asked: _values(asked.instances[0]),
        _predictions,
    )


def of_open_inference(schema: Schema, answer: bytes) -> Form:
    """One tensor with one row of doubles; `answer` is the general one to such a body.

    ValueError where that answer has not one output with its data at the end.
    """
    if not schema.has_doubles_only:
        raise ValueError("its columns are of several types")
    length = len(schema.columns)
    tensor = _struct(
        {
            "name": str,
            "shape": list[int],
            "datatype": Literal["FP64"],
            "data": _tuple_of(*[float] * length),
        }
    )
    body = _struct({"inputs": _tuple_of(tensor), "id": str}, id="")
    head, mark, outputs = answer.partition(b'"outputs":[')
    before, data, _ = outputs.partition(b'"data":[')
    if not (mark and data) or outputs.count(b'"name":') != 1 or not answer.endswith(b"]}]}"):
        raise ValueError("its answer has not one output")
    shape, encode = [1, length], msgspec.json.encode

    def values(asked: Any) -> Values:  # noqa: ANN401 - made above
        given = asked.inputs[0]
        if given.shape != shape:
            raise Unusual
        row: Values = given.data
        return row

    def written(asked: Any, prediction: bytes) -> bytes:  # noqa: ANN401 - made above
        identity = b'"id":' + encode(asked.id) + b"," if asked.id else b""
        found = prediction[1:-1] if prediction.startswith(b"[") else prediction
        return b"".join((head, identity, mark, before, data, found, b"]}]}"))

    return Form(msgspec.json.Decoder(body).decode, values, written)


def _predictions(_asked: object, prediction: bytes) -> bytes:
    return b'{"predictions":[' + prediction + b"]}"


def _values(row: Any) -> Values:  # noqa: ANN401 - a tuple or a struct of one row
    return row if type(row) is tuple else msgspec.structs.astuple(row)


def _struct(fields: Mapping[str, Any], **defaults: Any) -> type[msgspec.Struct]:  # noqa: ANN401
    """A struct that takes these fields and no others."""
    required = [(name, kind) for name, kind in fields.items() if name not in defaults]
    optional = [
        (
            name,
            fields[name],
            msgspec.field(default_factory=list) if value == [] else value,
        )
        for name, value in defaults.items()
    ]
    return msgspec.defstruct("Usual", [*required, *optional], forbid_unknown_fields=True)


def _row_of(schema: Schema) -> Any:  # noqa: ANN401 - a type
    """One row: by place, and by name where the columns have any."""
    by_place = _tuple_of(*[KINDS[one.type] for one in schema.columns])
    return by_place | _named(schema) if schema.names else by_place


def _tuple_of(*types: Any) -> Any:  # noqa: ANN401 - types that are known when the model is
    """The type of tuples with just these items."""
    return tuple.__class_getitem__(types)


def _named(schema: Schema) -> type[msgspec.Struct]:
    # Names of columns may be anything, names of fields may not.
    fields = [(_COLUMN.format(n), KINDS[one.type]) for n, one in enumerate(schema.columns)]
    renamed = {_COLUMN.format(place): name for place, name in enumerate(schema.names)}
    # Names that the model does not know are counted in the general way.
    return msgspec.defstruct("Row", fields, rename=renamed, forbid_unknown_fields=True)
