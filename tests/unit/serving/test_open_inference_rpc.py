"""Messages of the Open Inference Protocol over gRPC as requests and answers of its core."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsman_serving.errors import BadRequest
from leadsman_serving.protocols.open_inference import Asked
from leadsman_serving.protocols.open_inference_values import DTYPES, NamedTensor, datatype_of
from leadsman_serving.rpc.messages import CLASSES
from leadsman_serving.rpc.tensors import answer_of, asked_of

HEAD = {"model_name": "m", "model_version": "7"}


def message(datatype: str, shape: list[int], raw: tuple[bytes, ...] = (), **contents: Any) -> Any:
    """A request with one input."""
    tensor = {"name": "x", "datatype": datatype, "shape": shape, "contents": contents or None}
    return CLASSES["ModelInferRequest"](inputs=[tensor], raw_input_contents=raw)


@pytest.mark.parametrize("datatype", [*DTYPES, "BYTES"])
@pytest.mark.parametrize("is_raw", [True, False])
def test_an_answer_reads_as_the_request_that_holds_the_same(datatype: str, is_raw: bool) -> None:  # noqa: FBT001 - a form
    """Every datatype, typed and raw; half precision has only the raw form."""
    values = np.array([[0, 1]], DTYPES.get(datatype, np.dtype(object)))
    if datatype == "BYTES":
        values[0, :] = [b"", b"\xff"]
    sent = NamedTensor("x", datatype, values)
    answer = CLASSES["ModelInferResponse"].FromString(
        answer_of(Asked((), "42", is_binary=is_raw), [sent], HEAD)
    )
    assert (answer.id, answer.model_name, answer.model_version) == ("42", "m", "7")
    assert bool(answer.raw_output_contents) == (is_raw or datatype == "FP16")

    request = CLASSES["ModelInferRequest"](raw_input_contents=answer.raw_output_contents)
    request.inputs.add().MergeFromString(answer.outputs[0].SerializeToString())
    read = asked_of(request).tensors[0]

    assert (read.name, read.datatype) == ("x", datatype)
    np.testing.assert_array_equal(read.values, values, strict=True)


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        (message("FP64", [2], fp64_contents=[1]), 422, "holds 1 values, its shape [2] takes 2"),
        (message("FP64", [1], fp32_contents=[1]), 422, "FP64 are fp64_contents, not fp32_contents"),
        (message("INT8", [1], int_contents=[128]), 422, "value 0 is no INT8: 128"),
        (message("FP16", [1]), 422, "FP16 comes as raw_input_contents"),
        (message("FP8", [1]), 422, "datatype 'FP8': write one of"),
        (message("BYTES", [2], bytes_contents=[b"a"]), 400, "holds 1 texts"),
        (message("FP64", [1], (b"1234567",)), 400, "holds 7 bytes"),
        (message("FP64", [1], (b"", b"")), 400, "2 raw_input_contents for 1 inputs"),
        (message("FP64", [1], (b"12345678",), fp64_contents=[1]), 400, "beside raw_input_contents"),
        (message("BYTES", [1], (b"\1\0\0",)), 400, "ends within the length"),
    ],
)
def test_parts_that_contradict_each_other_are_told(asked: Any, status: int, words: str) -> None:
    """With the input and what was expected."""
    with pytest.raises(BadRequest) as refused:
        asked_of(asked)

    assert refused.value.status == status
    assert words in refused.value.message


def test_parameters_are_plain_values() -> None:
    """Those of the protocol stay behind; what is not supported is refused."""
    request = message("FP64", [1], fp64_contents=[1])
    request.parameters["times"].int64_param = 3
    request.parameters["priority"].uint64_param = 1
    request.parameters["empty"].SetInParent()
    request.outputs.add(name="y")
    assert asked_of(request).params == {"times": 3}
    assert [one.name for one in asked_of(request).outputs] == ["y"]

    request.outputs[0].parameters["classification"].int64_param = 2
    with pytest.raises(BadRequest, match="classification is not supported"):
        asked_of(request)


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=5))
def test_numbers_come_back(numbers: list[float]) -> None:
    """With every bit, typed."""
    values = np.array(numbers, np.float32)
    sent = NamedTensor("x", datatype_of(values), values)
    answer = CLASSES["ModelInferResponse"].FromString(answer_of(Asked(()), [sent], {}))

    request = CLASSES["ModelInferRequest"]()
    request.inputs.add().MergeFromString(answer.outputs[0].SerializeToString())
    np.testing.assert_array_equal(asked_of(request).tensors[0].values, values, strict=True)
