"""JSON in and out: read mildly, as MLflow's clients write it; written as the standard has it."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import msgspec
import numpy as np

from leadsman_serving.errors import BadRequest


def read_json(body: bytes) -> Any:  # noqa: ANN401 - JSON
    """The body's value; NaN and Infinity are taken, as Python's own library writes them."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # the other of names
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            message = f"the body is no JSON: {error}"
            raise BadRequest(HTTPStatus.BAD_REQUEST, "InvalidJSON", message) from error
    except RecursionError as error:
        message = "the body is nested too deeply"
        raise BadRequest(HTTPStatus.BAD_REQUEST, "InvalidJSON", message) from error


def write_json(value: object) -> bytes:
    """JSON; numbers that it has no word for (NaN, infinity) become null."""
    return msgspec.json.encode(_with_text_keys(value), enc_hook=_as_json)


def _as_json(value: object) -> object:
    """What the encoder does not know: values of NumPy and pandas, and all else as a text."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)


def _with_text_keys(value: Any) -> Any:  # noqa: ANN401 - JSON
    """JSON has no other keys, but a frame without names and a dict of classes have."""
    if isinstance(value, dict):
        return {
            key if type(key) is str else str(key): _with_text_keys(one)
            for key, one in value.items()
        }
    if isinstance(value, list) and value and isinstance(value[0], dict | list):
        return [_with_text_keys(one) for one in value]
    return value


def records(predictions: object) -> object:
    """Predictions as MLflow's server writes them: arrays as lists, frames and series as records."""
    if isinstance(predictions, np.ndarray):
        return predictions.tolist()
    if isinstance(predictions, np.generic):
        return predictions.item()
    pandas = of_pandas(predictions)
    if pandas is not None:
        frame = pandas if hasattr(pandas, "columns") else pandas.to_frame()
        return frame.to_dict(orient="records")
    return predictions


def plain(predictions: object) -> object:
    """The same in the shortest form: a series is a list of values."""
    pandas = of_pandas(predictions)
    if pandas is not None and not hasattr(pandas, "columns"):
        return pandas.tolist()
    return records(predictions)


def of_pandas(value: object) -> Any:  # noqa: ANN401 - a frame or a series
    """The value if it is of pandas, found out without importing it."""
    isof_pandas = type(value).__module__.partition(".")[0] == "pandas"
    return value if isof_pandas and hasattr(value, "to_dict") else None
