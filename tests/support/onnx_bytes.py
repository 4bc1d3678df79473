"""The smallest ONNX models, written without the library for it, which no image has.

An ONNX file is a protobuf message; these few fields of it are enough for a multiplication.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

__all__ = ["sum_of_columns", "weighted_sum"]

_FLOAT = 1


def _varint(number: int) -> bytes:
    written = b""
    while number > 0x7F:
        written += bytes([number & 0x7F | 0x80])
        number >>= 7
    return written + bytes([number])


def _message(field: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _node(operator: str, inputs: Sequence[str], output: str) -> bytes:
    named = b"".join(_message(1, name) for name in inputs)
    return _message(1, named + _message(2, output) + _message(4, operator))


def _value(field: int, name: str, columns: int) -> bytes:
    rows = _message(1, _message(2, "rows"))
    shape = rows + _message(1, _number(1, columns))
    tensor = _number(1, _FLOAT) + _message(2, shape)
    return _message(field, _message(1, name) + _message(2, _message(1, tensor)))


def _model(graph: bytes) -> bytes:
    version = _message(1, "") + _number(2, 17)
    return _number(1, 8) + _message(7, graph) + _message(8, version)


def weighted_sum(weights: Sequence[float]) -> bytes:
    """One input `x` of as many columns as there are weights, one output `y` of one column."""
    data = b"".join(struct.pack("<f", weight) for weight in weights)
    tensor = _number(1, len(weights)) + _number(1, 1) + _number(2, _FLOAT)
    constant = _message(5, tensor + _message(8, "w") + _message(9, data))
    graph = _node("MatMul", ["x", "w"], "y") + _message(2, "weighted") + constant
    return _model(graph + _value(11, "x", len(weights)) + _value(12, "y", 1))


def sum_of_columns() -> bytes:
    """Two inputs `a` and `b` of one column, and their sum `y`."""
    graph = _node("Add", ["a", "b"], "y") + _message(2, "sum")
    inputs = _value(11, "a", 1) + _value(11, "b", 1)
    return _model(graph + inputs + _value(12, "y", 1))
