"""What is sent, how answers are read, and what the machine did meanwhile."""

from __future__ import annotations

import json

import pytest

from bench.serving.client import is_whole, request
from bench.serving.cores import Look, busy_seconds, others_between
from bench.serving.measuring import Asked
from bench.serving.pace import Pace, Turn, in_words
from bench.serving.protocols import BARE, INVOCATIONS, KSERVE_V1, KSERVE_V2, ROW, Protocol
from bench.serving.servers import SERVERS

NUMBERS = [[1.0, 2.0], [3.0, 4.0]]
COLUMNS = ["a", "b"]


@pytest.mark.parametrize(
    ("protocol", "answer"),
    [
        (ROW, {"predictions": [1, 0]}),
        (BARE, [1, 0]),
        (KSERVE_V1, {"predictions": [[1], [0]]}),
        (KSERVE_V2, {"outputs": [{"data": [0.9, 0.1]}]}),
        (INVOCATIONS, {"predictions": [1, 0]}),
    ],
)
def test_labels_are_read_from_every_protocol(protocol: Protocol, answer: object) -> None:
    """One label a row, whether the answer holds labels or the probability of label 1."""
    assert protocol.labels_in(json.dumps(answer)) == [1, 0]


def test_one_row_and_many_are_asked_for_in_their_own_ways() -> None:
    """Our own protocol has a form for one row; the Open Inference Protocol tells the shape."""
    assert json.loads(ROW.written(NUMBERS[:1], COLUMNS)) == {"features": [1.0, 2.0]}
    assert json.loads(ROW.written(NUMBERS, COLUMNS)) == {"rows": NUMBERS}
    (tensor,) = json.loads(KSERVE_V2.written(NUMBERS, COLUMNS))["inputs"]
    assert (tensor["shape"], tensor["data"]) == ([2, 2], [1.0, 2.0, 3.0, 4.0])


def test_words_make_a_tensor_a_column() -> None:
    """Tensors have one type each, so that words stand apart from numbers."""
    inputs = json.loads(KSERVE_V2.written([[1.0, "x"], [2.0, "y"]], COLUMNS))["inputs"]

    assert [(one["name"], one["datatype"], one["data"]) for one in inputs] == [
        ("a", "FP64", [1.0, 2.0]),
        ("b", "BYTES", ["x", "y"]),
    ]


def test_more_rows_than_there_are_begin_again() -> None:
    """Rows and labels go around together."""
    asked = Asked(COLUMNS, [[1.0], [2.0], [3.0]], [1, 2, 3]).many(5, begin=2)

    assert [row[0] for row in asked.rows] == asked.labels == [3, 1, 2, 3, 1]


def test_an_answer_is_whole_with_its_last_byte() -> None:
    """By its length, or by the last chunk where no length is told."""
    sized = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"

    for answer in (sized, chunked):
        assert is_whole(answer)
        assert not any(is_whole(answer[:end]) for end in range(len(answer)))
    assert request("/p", "abcd").endswith(b"Content-Length: 4\r\n\r\nabcd")


def test_what_others_use_is_what_the_cores_did_beyond_ourselves() -> None:
    """Only the cores that are measured on count, and other guests of the host do too."""
    stat = (
        "cpu 9 9 9\ncpu0 100 0 50 999 9 9 9 50\ncpu1 0 0 100 999 9 9 9 0\ncpu2 777 0 0 0 0 0 0 0\n"
    )
    ticks = busy_seconds(stat, (0, 1)) / busy_seconds("cpu0 1 0 0 0 0 0 0 0", (0,))

    assert ticks == pytest.approx(300)
    assert others_between(Look(10.0, 5.0, 1.0), Look(12.0, 8.0, 3.0)) == pytest.approx(0.5)


def test_the_time_left_is_what_turns_took() -> None:
    """A known turn counts as it was, an unknown one as a guess that knows of its start."""
    peer, ours = SERVERS[-1], SERVERS[0]
    pace = Pace(2.0)
    first, later = Turn(peer, starts=True, batched=False), Turn(peer, starts=False, batched=False)

    assert pace.left([first]) > pace.left([later]) > pace.left([]) == 0
    assert pace.left([Turn(ours, starts=True, batched=True)]) > pace.left([later])
    pace.note(later, 7.5)
    assert pace.left([later, later]) == 15.0
    assert (in_words(90), in_words(600)) == ("90 s", "10 min")


def test_servers_have_names_of_their_own() -> None:
    """A name tells a row from all others: samples are kept by it."""
    names = [server.name for server in SERVERS]

    assert len(set(names)) == len(names)
