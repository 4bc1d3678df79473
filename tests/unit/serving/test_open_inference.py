"""The Open Inference Protocol as values: what is read, what is refused, what is written."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from leadsman_serving.columns import Column
from leadsman_serving.errors import BadRequest
from leadsman_serving.outputs import Output, outputs_of
from leadsman_serving.protocols import open_inference
from leadsman_serving.protocols.open_inference import Asked, Wanted
from leadsman_serving.protocols.open_inference_metadata import inputs_of
from leadsman_serving.protocols.open_inference_outputs import tensors_of
from leadsman_serving.protocols.open_inference_rows import row_count, table_of
from leadsman_serving.protocols.open_inference_values import (
    DTYPES,
    NamedTensor,
    datatype_of,
    of_bytes,
    of_json,
    to_bytes,
    to_json,
)
from leadsman_serving.schema import Schema, schema_of

DOUBLES = Schema(tuple(Column(name, "double") for name in "abc"), allows_missing=False)
MIXED = Schema(
    (
        Column("age", "long"),
        Column("height", "double"),
        Column("kind", "string"),
        Column("new", "boolean"),
        Column("note", "string", required=False),
    )
)


def tensor(name: str, datatype: str, shape: list[int], data: object) -> dict[str, Any]:
    """One input as JSON has it."""
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def asked(*inputs: dict[str, Any], **more: Any) -> Asked:
    """A request, read."""
    return open_inference.parse(json.dumps({"inputs": inputs, **more}).encode())


def binary(inputs: list[dict[str, Any]], raw: bytes) -> tuple[bytes, str]:
    """A body with binary data, and its header."""
    head = json.dumps({"inputs": inputs}).encode()
    return head + raw, str(len(head))


@pytest.mark.parametrize(
    ("datatype", "data", "values"),
    [
        ("FP64", [1, 2.5], [1.0, 2.5]),
        ("FP32", [0.1, None], [np.float32(0.1), np.nan]),
        ("INT8", [-128, 127.0], [-128, 127]),
        ("UINT64", [0, 2**64 - 1], [0, 2**64 - 1]),
        ("BOOL", [True, False], [True, False]),
        ("BYTES", ["é", ""], ["é", ""]),
        ("INT64", [[3], [None]], [3, None]),
    ],
)
def test_values_of_json_are_of_their_datatype(datatype: str, data: Any, values: Any) -> None:
    """Nothing is rounded but to the precision that the client itself has named."""
    found = of_json("x", datatype, [2], data).values

    assert found.dtype == (object if None in values or datatype == "BYTES" else DTYPES[datatype])
    np.testing.assert_array_equal(found, np.array(values, found.dtype))


REFUSED_VALUES = [
    ("FP64", [2], [1], "holds 1 values, its shape [2] takes 2"),
    ("FP64", [2, 2], [[1, 2], 3], "mixes values and lists"),
    ("FP64", [], [1], "write lengths, the rows first"),
    ("FP64", [-1], [], "write lengths, the rows first"),
    ("FP64", [10**12, 10**12], [1], "takes 1000000000000000000000000"),
    ("FP64", [2], [1, "2"], "value 1 is no FP64: '2'"),
    ("FP64", [2], [1, True], "value 1 is no FP64: True"),
    ("FP64", [1], [10**400], "value 0 is no FP64"),
    ("FP32", [2], [1, 1e39], "value 1 is no FP32: 1e+39"),
    ("INT8", [2], [1, 128], "value 1 is no INT8: 128"),
    ("INT8", [1], [1.5], "value 0 is no INT8: 1.5"),
    ("UINT8", [1], [-1], "value 0 is no UINT8: -1"),
    ("BOOL", [1], [1], "value 0 is no BOOL: 1"),
    ("BYTES", [1], [1], "value 0 is no BYTES: 1"),
    ("BYTES", [1], [{"a": 1}], "value 0 is no BYTES"),
    ("FP16", [1], [1], "JSON has no FP16"),
    ("FP8", [1], [1], "datatype 'FP8': write one of BOOL, INT8"),
    ("FP64", [1], 1e400, None),
]


@pytest.mark.parametrize(("datatype", "shape", "data", "words"), REFUSED_VALUES)
def test_values_that_do_not_fit_are_named(
    datatype: str, shape: list[int], data: object, words: str | None
) -> None:
    """With the input, the place and the value; infinity is left to the model's columns."""
    if words is None:
        assert np.isinf(of_json("x", datatype, shape, data).values).all()
        return
    with pytest.raises(BadRequest) as refused:
        of_json("x", datatype, shape, data)

    assert refused.value.status == 422
    assert "input 'x'" in refused.value.message
    assert words in refused.value.message


MALFORMED = [
    ("1x", b"", 400, "header"),
    ("-1", b"", 400, "header"),
    ("٣", b"", 400, "header"),
    ("99999", b"", 400, "header"),
]


@pytest.mark.parametrize(("length", "raw", "status", "words"), MALFORMED)
def test_a_wrong_length_of_the_json_is_told(
    length: str, raw: bytes, status: int, words: str
) -> None:
    """Whatever stands in the header."""
    with pytest.raises(BadRequest, match=words) as refused:
        open_inference.parse(b'{"inputs": []}' + raw, length)

    assert refused.value.status == status


def sized(datatype: str, shape: list[int], size: object) -> dict[str, Any]:
    """An input whose values are binary data."""
    parameters = {"binary_data_size": size}
    return {"name": "x", "datatype": datatype, "shape": shape, "parameters": parameters}


MALFORMED_BINARY = [
    (sized("FP64", [1], 8), b"1234567", "8, 7 bytes are left"),
    (sized("FP64", [1], -8), b"", "binary_data_size is -8"),
    (sized("FP64", [1], 8.0), b"12345678", "binary_data_size is 8.0"),
    (sized("FP64", [1], "8"), b"12345678", "binary_data_size is '8'"),
    (sized("FP64", [1], 7), b"1234567", "holds 7 bytes, its shape and FP64 take 8"),
    (sized("FP64", [1], 8), b"123456789", "1 bytes of binary data belong to no input"),
    (sized("BYTES", [1], 3), b"\1\0\0", "ends within the length of a text"),
    (sized("BYTES", [1], 5), b"\2\0\0\0a", "a text of 2 bytes where 1 are left"),
    (sized("BYTES", [1], 5), b"\xff\xff\xff\xffa", "a text of 4294967295 bytes where 1"),
    (sized("BYTES", [2], 5), b"\1\0\0\0a", "holds 1 texts, its shape [2] takes 2"),
    ({**sized("FP64", [1], 8), "data": [1]}, b"12345678", "both data and binary_data_size"),
]


@pytest.mark.parametrize(("described", "raw", "words"), MALFORMED_BINARY)
def test_malformed_binary_data_is_told(described: dict[str, Any], raw: bytes, words: str) -> None:
    """Lengths that contradict each other are a 400 that says which."""
    with pytest.raises(BadRequest) as refused:
        open_inference.parse(*binary([described], raw))

    assert refused.value.status == 400
    assert words in refused.value.message


@given(st.binary(max_size=300), st.one_of(st.just(""), st.integers(0, 300).map(str)))
def test_no_body_makes_the_reader_fail(body: bytes, length: str) -> None:
    """Bytes are a request or are refused: nothing else is raised."""
    with contextlib.suppress(BadRequest):
        open_inference.parse(body, length)


@given(
    st.sampled_from([*DTYPES, "BYTES"]),
    st.lists(st.integers(0, 5), min_size=1, max_size=3),
    st.binary(max_size=80),
)
def test_no_binary_data_makes_the_reader_fail(datatype: str, shape: list[int], raw: bytes) -> None:
    """Of any type and shape."""
    body, length = binary([sized(datatype, shape, len(raw))], raw)
    with contextlib.suppress(BadRequest):
        assert open_inference.parse(body, length).tensors[0].shape == shape


VALUES = st.sampled_from(list(DTYPES.values())).flatmap(
    lambda dtype: arrays.arrays(
        dtype,
        arrays.array_shapes(max_dims=3, max_side=4),
        elements=arrays.from_dtype(dtype, allow_nan=False, allow_infinity=False),
    )
)


@given(VALUES)
def test_numbers_come_back_from_bytes_and_json(values: Any) -> None:
    """What is written is read as the same values, in both forms."""
    written = NamedTensor("x", datatype_of(values), values)
    raw = of_bytes("x", written.datatype, written.shape, memoryview(to_bytes(written)))
    np.testing.assert_array_equal(raw.values, values, strict=True)

    if written.datatype != "FP16":
        text = json.loads(json.dumps(to_json(written)))
        plain = of_json("x", written.datatype, written.shape, text)
        np.testing.assert_array_equal(plain.values, values, strict=True)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_texts_come_back_from_bytes(texts: list[str]) -> None:
    """Empty ones and all alphabets."""
    written = NamedTensor("x", "BYTES", np.array(texts, object))
    raw = of_bytes("x", "BYTES", [len(texts)], memoryview(to_bytes(written)))

    assert [one.decode() for one in raw.values] == texts


def test_one_tensor_holds_all_columns() -> None:
    """Whatever it is called and however its data is nested; the shape tells."""
    for data in ([1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]], [[[1, 2]], [[3, 4]], [[5, 6]]]):
        question = asked(tensor("any", "FP32", [2, 3], data))
        table = table_of(question.tensors, DOUBLES)

        assert row_count(question.tensors) == 2
        assert table.matrix is not None
        assert table.matrix.dtype == np.float64
        assert table.matrix.tolist() == [[1, 2, 3], [4, 5, 6]]
        assert table.names == ("a", "b", "c")


def test_one_tensor_for_each_column_in_any_order() -> None:
    """Of both shapes that a column may have."""
    columns = [
        tensor("c", "INT8", [2], [5, 6]),
        tensor("a", "FP64", [2, 1], [1, 2]),
        tensor("b", "UINT16", [2], [3, 4]),
    ]

    table = table_of(asked(*columns).tensors, DOUBLES)

    assert table.matrix is not None
    assert table.matrix.tolist() == [[1, 3, 5], [2, 4, 6]]


def test_columns_of_several_types() -> None:
    """Words and truth values too; an optional column may be left out."""
    columns = [
        tensor("kind", "BYTES", [2], ["red", None]),
        tensor("age", "INT32", [2], [1, 2]),
        tensor("height", "FP64", [2], [0.5, None]),
        tensor("new", "BOOL", [2], [True, False]),
    ]

    table = table_of(asked(*columns).tensors, MIXED)

    assert table.columns is not None
    found = {name: values.tolist() for name, values in table.columns.items()}
    assert str(found.pop("height")) == "[0.5, nan]"
    assert found == {
        "age": [1, 2], "kind": ["red", None], "new": [True, False], "note": [None, None],
    }  # fmt: skip


REFUSED_INPUTS = [
    ([], "inputs is empty"),
    ([tensor("x", "FP64", [0, 3], [])], "no row was sent"),
    ([tensor("x", "FP64", [1, 2], [1, 2])], "missing: 'a', 'b', 'c'; unknown: 'x'; send one input"),
    ([tensor("a", "FP64", [1], [1])], "missing: 'b', 'c'; send one input of the shape [rows, 3]"),
    ([tensor("a", "FP64", [1], [1])] * 2, "input 'a' is there twice"),
    (
        [tensor("a", "FP64", [1], [1]), tensor("b", "FP64", [2], [1, 2])],
        "input 'b' has 2 rows, 'a' has 1",
    ),
    ([tensor(name, "FP64", [1, 2], [1, 2]) for name in "abc"], "has the shape [1, 2]: one column"),
    ([tensor("x", "FP64", [2, 3], [1, 2, 3, 4, None, 6])], "row 1: column 'b' is missing"),
    ([tensor("x", "BOOL", [1, 3], [True] * 3)], "column 'a' is no double: True"),
    ([tensor("x", "BYTES", [1, 3], ["1"] * 3)], "column 'a' is no double: '1'"),
]


@pytest.mark.parametrize(("inputs", "words"), REFUSED_INPUTS)
def test_inputs_that_do_not_fit_the_model_are_named(
    inputs: list[dict[str, Any]], words: str
) -> None:
    """Missing and unknown ones, shapes and values."""
    tensors = asked(*inputs).tensors
    with pytest.raises(BadRequest) as refused:
        assert row_count(tensors) and table_of(tensors, DOUBLES)  # noqa: PT018 - either refuses

    assert refused.value.status == 422
    assert words in refused.value.message


def test_infinite_numbers_are_refused_in_binary_data_too() -> None:
    """As in every other form."""
    raw = np.array([[1, np.inf, 3]]).tobytes()
    question = open_inference.parse(*binary([sized("FP64", [1, 3], len(raw))], raw))

    with pytest.raises(BadRequest, match="column 'b' is no double: inf"):
        table_of(question.tensors, DOUBLES)


def test_words_in_binary_data_are_utf8_and_bytes_stay_bytes() -> None:
    """A column of bytes takes any; a text that is none is told with its row."""
    raw = b"\2\0\0\0\xff\xfe"
    question = open_inference.parse(*binary([sized("BYTES", [1], len(raw))], raw))

    table = table_of(question.tensors, Schema((Column("x", "binary"),)))
    assert table.columns is not None
    assert table.columns["x"].tolist() == [b"\xff\xfe"]
    with pytest.raises(BadRequest, match="row 0: column 'x' is no UTF-8"):
        table_of(question.tensors, Schema((Column("x", "string"),)))


def spec(name: str | None, dtype: str, shape: list[int]) -> dict[str, Any]:
    """A tensor as a signature describes it."""
    return {"name": name, "type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}}


def test_models_of_tensors_take_them_by_name() -> None:
    """One without a name by any; -1 is any length."""
    one = schema_of([spec(None, "float32", [-1, 2, -1])])
    table = table_of(asked(tensor("any", "FP64", [1, 2, 1], [1, 2])).tensors, one)
    assert table.matrix is not None
    assert table.matrix.dtype == np.float32
    assert table.matrix.tolist() == [[[1], [2]]]

    two = schema_of([spec("a", "float32", [-1, 1]), spec("s", "str", [-1])])
    columns = [tensor("s", "BYTES", [1], ["x"]), tensor("a", "FP32", [1, 1], [1])]
    named = table_of(asked(*columns).tensors, two).columns
    assert named is not None
    assert {name: values.tolist() for name, values in named.items()} == {"a": [[1]], "s": ["x"]}

    with pytest.raises(BadRequest, match=r"a row has the shape \[3, 1\], the model takes"):
        table_of(asked(tensor("x", "FP64", [1, 3, 1], [1, 2, 3])).tensors, one)
    with pytest.raises(BadRequest, match="missing: 's'; unknown: 'b'"):
        table_of(asked(columns[1], tensor("b", "FP32", [1, 1], [1])).tensors, two)


def test_models_without_a_signature_take_what_comes() -> None:
    """A matrix as it is, vectors as columns."""
    matrix = table_of(asked(tensor("x", "INT64", [1, 2], [1, 2])).tensors, Schema())
    assert matrix.matrix is not None
    assert matrix.matrix.tolist() == [[1, 2]]

    columns = table_of(asked(tensor("x", "INT64", [1], [1])).tensors, Schema()).columns
    assert columns is not None
    assert columns["x"].tolist() == [1]


OUTPUTS = [
    (np.array([1, 2]), [], [("output-0", "INT64", [2])]),
    ([0.5, 1.5], [{"type": "double"}], [("output-0", "FP64", [2, 1])]),
    (np.array([1, 2]), [{"type": "integer", "name": "y"}], [("y", "INT32", [2, 1])]),
    (np.array([1, 2**40]), [{"type": "integer", "name": "y"}], [("y", "INT64", [2, 1])]),
    (np.array(["a", "b"]), [{"type": "string"}], [("output-0", "BYTES", [2, 1])]),
    (np.ones((2, 3), "f4"), [spec(None, "float32", [-1, 3])], [("output-0", "FP32", [2, 3])]),
    (
        np.ones((2, 2)),
        [{"type": "double", "name": "p"}, {"type": "double", "name": "q"}],
        [("p", "FP64", [2, 1]), ("q", "FP64", [2, 1])],
    ),
    ({"p": [1.0], "q": [True]}, [], [("p", "FP64", [1]), ("q", "BOOL", [1])]),
    ([[1], [1, 2]], [], [("output-0", "BYTES", [2])]),
    (["a", None], [], [("output-0", "BYTES", [2])]),
    (np.array(["2026-01-01"], "M8[ns]"), [], [("output-0", "BYTES", [1])]),
]


@pytest.mark.parametrize(("values", "signature", "expected"), OUTPUTS)
def test_outputs_are_as_the_signature_says(values: Any, signature: Any, expected: Any) -> None:
    """Name, type and shape, unless a value would change."""
    found = tensors_of(values, None, (), outputs_of(signature))

    assert [(one.name, one.datatype, one.shape) for one in found] == expected
    assert open_inference.write(Asked(()), found, {}).json_length is None


def test_outputs_are_given_that_are_named() -> None:
    """In the order of the client; others are refused with the names that there are."""
    known = (Output("y", "double"),)
    shares = [[0.25, 0.75]]
    wanted = (Wanted("probabilities"), Wanted("y"))

    found = tensors_of([1.0], shares, wanted, known)
    assert [(one.name, one.values.tolist()) for one in found] == [
        ("probabilities", shares), ("y", [[1.0]]),
    ]  # fmt: skip
    with pytest.raises(BadRequest, match="no output 'x': ask for y"):
        tensors_of([1.0], None, (Wanted("x"),), known)
    with pytest.raises(BadRequest, match="no output 'probabilities'"):
        tensors_of([1.0], None, wanted, known)


def test_each_output_comes_in_the_form_that_was_asked_for() -> None:
    """Binary by default or by name, after the JSON and in its order."""
    question = asked(
        tensor("x", "FP64", [1, 3], [1, 2, 3]),
        id="42",
        parameters={"binary_data_output": True, "times": 3},
        outputs=[{"name": "p"}, {"name": "q", "parameters": {"binary_data": False}}, {"name": "r"}],
    )
    assert question.params == {"times": 3}
    outputs = [
        NamedTensor("p", "FP64", np.array([0.5])),
        NamedTensor("q", "FP64", np.array([np.nan])),
        NamedTensor("r", "BYTES", np.array(["é"], object)),
    ]

    written = open_inference.write(question, outputs, {"model_name": "m"})

    assert written.json_length is not None
    head, raw = written.body[: written.json_length], written.body[written.json_length :]
    assert raw == np.float64(0.5).tobytes() + b"\2\0\0\0\xc3\xa9"
    described = json.loads(head)
    assert (described["model_name"], described["id"]) == ("m", "42")
    forms = [(one.get("parameters"), one.get("data")) for one in described["outputs"]]
    assert forms == [
        ({"binary_data_size": 8}, None),
        (None, [None]),
        ({"binary_data_size": 6}, None),
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"parameters": {"binary_data_output": 1}}, "binary_data_output is true or false"),
        (
            {"outputs": [{"name": "y", "parameters": {"classification": 2}}]},
            "classification is not",
        ),
        (
            {"outputs": [{"name": "y", "parameters": {"shared_memory_region": "r"}}]},
            "send the data itself",
        ),
        ({"outputs": "y"}, r"got `str` - at `\$.outputs`"),
        ({"id": 3}, r"Expected `str`, got `int` - at `\$.id`"),
    ],
)
def test_what_is_not_supported_is_told(more: dict[str, Any], words: str) -> None:
    """Rather than left undone."""
    with pytest.raises(BadRequest, match=words) as refused:
        asked(tensor("x", "FP64", [1, 3], [1, 2, 3]), **more)

    assert refused.value.status == 422


def test_metadata_tells_of_columns_and_tensors() -> None:
    """In the protocol's datatypes; what has no name is numbered."""
    assert [one.body() for one in inputs_of(Schema((Column(None, "float"),)))] == [
        {"name": "input-0", "datatype": "FP32", "shape": [-1, 1]}
    ]
    assert [one.datatype for one in inputs_of(MIXED)] == ["INT64", "FP64", "BYTES", "BOOL", "BYTES"]
    tensors = schema_of([spec("x", "str", [-1, 4])])
    assert [one.body() for one in inputs_of(tensors)] == [
        {"name": "x", "datatype": "BYTES", "shape": [-1, 4]}
    ]
