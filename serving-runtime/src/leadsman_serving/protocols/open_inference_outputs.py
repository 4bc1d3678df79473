"""What a model gave as the tensors of an answer of the Open Inference Protocol.

Named, shaped and typed as the signature says, where it says so and no value would change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leadsman_serving.columns import FLOATS, INTEGERS, refused
from leadsman_serving.outputs import Output
from leadsman_serving.protocols.open_inference import Wanted
from leadsman_serving.protocols.open_inference_values import NamedTensor, datatype_of
from leadsman_serving.protocols.written import of_pandas
from leadsman_serving.table import Array

PROBABILITIES = "probabilities"
"""The output with the probability of each class, which has to be asked for by this name."""
_TYPES: dict[str, Any] = {**FLOATS, **INTEGERS, "boolean": np.bool_}
_PARTS = 2


def output_name(name: str | None, place: int) -> str:
    """What an output is called whose name the signature leaves open."""
    return name if name is not None else f"output-{place}"


def tensors_of(
    values: object, shares: Sequence[Any] | None, wanted: Sequence[Wanted], known: Sequence[Output]
) -> list[NamedTensor]:
    """The outputs that are wanted, all predictions where none are named; BadRequest for others."""
    arrays = _named(values, known)
    if shares is not None:
        arrays[PROBABILITIES] = np.asarray(shares, np.float64)
    names = [one.name for one in wanted] or list(arrays)
    for name in names:
        if name not in arrays:
            raise _unknown(name, list(arrays))
    return [NamedTensor(name, datatype_of(arrays[name]), arrays[name]) for name in names]


def _unknown(name: str, names: Sequence[str]) -> Exception:
    if name == PROBABILITIES:
        return refused("the model has no output 'probabilities'", name)
    return refused(f"the model has no output {name!r}: ask for {', '.join(names)}", name)


def _named(values: object, known: Sequence[Output]) -> dict[str, Array]:
    """Each output by its name."""
    pandas = of_pandas(values)
    if pandas is not None and hasattr(pandas, "columns"):
        columns = [pandas.iloc[:, place].to_numpy() for place in range(pandas.shape[1])]
        return {
            str(name): _array(column).reshape(-1, 1)
            for name, column in zip(pandas.columns, columns, strict=True)
        }
    if isinstance(values, Mapping):
        return {str(name): _array(one) for name, one in values.items()}
    array = _array(values if pandas is None else pandas.to_numpy())
    if not known:
        return {output_name(None, 0): array}
    if _are_columns(known) and array.ndim == _PARTS and array.shape[1] == len(known) > 1:
        return {
            output_name(one.name, place): _as_declared(array[:, place], one)
            for place, one in enumerate(known)
        }
    return {output_name(known[0].name, 0): _as_declared(array, known[0])}


def _are_columns(known: Sequence[Output]) -> bool:
    return all(one.dtype is None for one in known)


def _as_declared(array: Array, output: Output) -> Array:
    """In the type of the signature, unless a value would change; a column has two dimensions."""
    dtype = output.dtype if output.dtype is not None else _TYPES.get(output.type)
    if dtype is not None and array.dtype != dtype and {array.dtype.kind} <= set("biuf"):
        with np.errstate(all="ignore"):
            cast = array.astype(dtype)
        array = cast if np.array_equal(cast, array, equal_nan=True) else array
    return array.reshape(-1, 1) if output.dtype is None and array.ndim == 1 else array


def _array(values: object) -> Array:
    """An array of numbers or truth values where they are such, else of objects."""
    try:
        array = np.asarray(values)
        if array.dtype == object:
            narrow = np.asarray(array.tolist())
            array = narrow if narrow.dtype.kind in "biuf" else array
    except ValueError:  # lists of different lengths
        array = np.empty(len(values), object)  # type: ignore[arg-type] # a list, as NumPy found
        array[:] = values
    if array.dtype.kind == "M":
        return np.datetime_as_string(array).astype(object)
    return array if array.dtype.kind in "biufO" else array.astype(object)
