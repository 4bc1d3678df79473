"""The datatypes of the Open Inference Protocol: values from JSON and from bytes, and back.

https://github.com/kserve/open-inference-protocol, and for bytes Triton's binary tensor data
extension. A value is never changed to fit: what does not fit its datatype is refused.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import Any

import numpy as np

from leadsman_serving.columns import refused
from leadsman_serving.errors import BadRequest
from leadsman_serving.protocols.written import write_json
from leadsman_serving.table import Array

BYTES, FP16, BOOL = "BYTES", "FP16", "BOOL"
DTYPES: dict[str, np.dtype[Any]] = {
    BOOL: np.dtype("?"),
    **{f"INT{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"UINT{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
    **{f"FP{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
}
"""Of values that have a fixed size; the protocol's bytes are little-endian."""
_NAMES = {(dtype.kind, dtype.itemsize): name for name, dtype in DTYPES.items()}
_JSON_TYPES: dict[str, set[type]] = {"b": {bool}, "i": {int, float}, "u": {int, float}}
_LENGTH = struct.Struct("<I")
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class NamedTensor:
    """One input or output."""

    name: str
    datatype: str
    values: Array
    """In their shape. Objects for BYTES, and where values are missing, which are None."""

    @property
    def shape(self) -> list[int]:
        """As the protocol writes it."""
        return list(self.values.shape)


def of_json(name: str, datatype: str, shape: Sequence[int], data: object) -> NamedTensor:
    """Values from JSON, flat or nested in any way: the shape tells. BadRequest when they don't fit.

    A null is a missing value: NaN among floating-point numbers.
    """
    count = _count(name, datatype, shape)
    if datatype == FP16:
        raise refused(f"input {name!r}: JSON has no FP16: send FP32, or binary data", name)
    flat = _flat(name, data)
    if len(flat) != count:
        message = f"input {name!r} holds {len(flat)} values, its shape {list(shape)} takes {count}"
        raise refused(message, name)
    kinds = set(map(type, flat))
    is_missing = type(None) in kinds
    dtype = DTYPES.get(datatype)
    known = {str} if dtype is None else _JSON_TYPES.get(dtype.kind, {int, float})
    if not kinds - {type(None)} <= known:
        raise _unfit(name, datatype, flat, lambda one: one is None or type(one) in known)
    if dtype is None or (is_missing and dtype.kind != "f"):
        values = _objects(flat)
    elif dtype.kind == "f":
        values = _floats(name, datatype, flat)
    else:
        values = _whole(name, datatype, flat)
    return NamedTensor(name, datatype, values.reshape(tuple(shape)))


def of_texts(name: str, shape: Sequence[int], texts: Sequence[bytes]) -> NamedTensor:
    """Texts that are apart already."""
    count = _count(name, BYTES, shape)
    if len(texts) != count:
        message = f"holds {len(texts)} texts, its shape {list(shape)} takes {count}"
        raise malformed(f"input {name!r} {message}")
    return NamedTensor(name, BYTES, _objects(texts).reshape(tuple(shape)))


def of_bytes(name: str, datatype: str, shape: Sequence[int], raw: memoryview) -> NamedTensor:
    """Values from binary data; BadRequest with 400 where the lengths contradict each other."""
    count = _count(name, datatype, shape)
    dtype = DTYPES.get(datatype)
    if dtype is None:
        return of_texts(name, shape, _split(name, raw))
    if len(raw) != count * dtype.itemsize:
        message = f"{len(raw)} bytes, its shape and {datatype} take {count * dtype.itemsize}"
        raise malformed(f"input {name!r} holds {message}")
    # A byte other than 0 and 1 would be a truth value of its own.
    is_truth = dtype.kind == "b"
    values = np.frombuffer(raw, np.uint8) != 0 if is_truth else np.frombuffer(raw, dtype)
    return NamedTensor(name, datatype, values.reshape(tuple(shape)))


def datatype_of(values: Array) -> str:
    """The datatype of an array of the model's."""
    return _NAMES.get((values.dtype.kind, values.dtype.itemsize), BYTES)


def to_bytes(tensor: NamedTensor) -> bytes:
    """The values as binary data."""
    dtype = DTYPES.get(tensor.datatype)
    if dtype is not None:
        return tensor.values.astype(dtype, copy=False).tobytes()
    texts = [_bytes(one) for one in tensor.values.ravel().tolist()]
    return b"".join(chain.from_iterable((_LENGTH.pack(len(one)), one) for one in texts))


def to_texts(tensor: NamedTensor) -> list[bytes]:
    """The values of a tensor of BYTES."""
    return [_bytes(one) for one in tensor.values.ravel().tolist()]


def to_json(tensor: NamedTensor) -> list[Any]:
    """The values in one flat list; bytes that are no text are written in base64."""
    flat: list[Any] = tensor.values.ravel().tolist()
    if tensor.datatype in DTYPES:
        return flat
    return [
        base64.b64encode(one).decode() if isinstance(one, bytes) else _text(one) for one in flat
    ]


def malformed(message: str) -> BadRequest:
    """A request whose parts contradict each other."""
    return BadRequest(HTTPStatus.BAD_REQUEST, "InvalidTensor", message)


def _count(name: str, datatype: str, shape: Sequence[int]) -> int:
    """How many values a shape holds."""
    if datatype not in DTYPES and datatype != BYTES:
        known = ", ".join([*DTYPES, BYTES])
        raise refused(f"input {name!r} has the datatype {datatype!r}: write one of {known}", name)
    if not shape or any(length < 0 for length in shape):
        message = f"input {name!r} has the shape {list(shape)}: write lengths, the rows first"
        raise refused(message, name)
    return math.prod(shape)


def _flat(name: str, data: object) -> list[Any]:
    """All values in their order."""
    flat: list[Any] = data if isinstance(data, list) else [data]
    while flat and isinstance(flat[0], list):
        try:
            flat = list(chain.from_iterable(flat))
        except TypeError as error:
            raise refused(f"input {name!r} mixes values and lists of values", name) from error
    return flat


def _floats(name: str, datatype: str, flat: list[Any]) -> Array:
    try:
        wide = np.array(flat, np.float64)  # None becomes NaN
    except OverflowError as error:
        raise _unfit(name, datatype, flat, _is_double) from error
    if datatype == "FP64":
        return wide
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float32)
    lost = np.isinf(narrow) & ~np.isinf(wide)
    if lost.any():
        raise _said_unfit(name, datatype, flat[int(lost.argmax())], int(lost.argmax()))
    return narrow


def _whole(name: str, datatype: str, flat: list[Any]) -> Array:
    """Integers and truth values; 1.0 is an integer, 1.5 is none."""
    dtype = DTYPES[datatype]
    if dtype.kind == "b":
        return np.array(flat, dtype)
    if set(map(type, flat)) == {int}:
        try:
            return np.array(flat, dtype)
        except OverflowError:
            pass  # which of them is told below
    limits = np.iinfo(dtype)

    def fits(one: float) -> bool:
        return one == one // 1 and limits.min <= one <= limits.max  # NaN and infinity are unequal

    if not all(map(fits, flat)):
        raise _unfit(name, datatype, flat, fits)
    return np.array([int(one) for one in flat], dtype)


def _is_double(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type] # a number, as was found before
    except OverflowError:
        return False
    return True


def _split(name: str, raw: memoryview) -> list[bytes]:
    """Texts, each after its length in four bytes."""
    texts, place = [], 0
    while place < len(raw):
        begin = place + _LENGTH.size
        if begin > len(raw):
            raise malformed(f"input {name!r} ends within the length of a text")
        place = begin + _LENGTH.unpack_from(raw, place)[0]
        if place > len(raw):
            left = len(raw) - begin
            raise malformed(
                f"input {name!r} has a text of {place - begin} bytes where {left} are left"
            )
        texts.append(bytes(raw[begin:place]))
    return texts


def _objects(flat: Sequence[Any]) -> Array:
    array = np.empty(len(flat), object)
    array[:] = flat
    return array


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else _text(value).encode()


def _text(value: object) -> str:
    """A value that has no datatype: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else write_json(value).decode()


def _unfit(
    name: str, datatype: str, flat: Iterable[Any], fits: Callable[[Any], bool]
) -> BadRequest:
    place, value = next((place, one) for place, one in enumerate(flat) if not fits(one))
    return _said_unfit(name, datatype, value, place)


def _said_unfit(name: str, datatype: str, value: object, place: int) -> BadRequest:
    shown = repr(value)[:_SHOWN]
    return refused(f"input {name!r}: value {place} is no {datatype}: {shown}", name)
