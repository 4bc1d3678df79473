"""The cases of the W3C's own test suite: https://github.com/w3c/trace-context/tree/main/test."""

from __future__ import annotations

import pytest

from leadsman_serving.protocols.traceparent import parent_of, parse

TRACE, SPAN = b"4bf92f3577b34da6a3ce929d0e0e4736", b"00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("flags", "is_sampled"),
    [(b"00", False), (b"01", True), (b"02", False), (b"03", True), (b"ff", True)],
)
def test_a_parent_is_read(flags: bytes, *, is_sampled: bool) -> None:
    """Both ids are known, and of the flags only whether the caller records its part."""
    text = b"00-%s-%s-%s" % (TRACE, SPAN, flags)
    parent = parse(text)

    assert parent is not None
    assert (parent.trace_id, parent.span_id) == (TRACE.decode(), SPAN.decode())
    assert parent.is_sampled == is_sampled
    assert parent.text == text.decode()


@pytest.mark.parametrize(
    "more",
    [pytest.param(b"", id="as today"), pytest.param(b"-what-the-future-brings", id="longer")],
)
def test_a_later_version_is_read_as_far_as_it_is_known(more: bytes) -> None:
    """A version of the future may have more parts, behind a dash."""
    parent = parse(b"cc-%s-%s-01%s" % (TRACE, SPAN, more))

    assert parent is not None
    assert parent.is_sampled


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"ff-%s-%s-01" % (TRACE, SPAN), id="the version that is none"),
        pytest.param(b"00-%s-%s-01" % (b"0" * 32, SPAN), id="no trace"),
        pytest.param(b"00-%s-%s-01" % (TRACE, b"0" * 16), id="no span"),
        pytest.param(b"00-%s-%s-01-more" % (TRACE, SPAN), id="more than version 00 has"),
        pytest.param(b"00-%s-%s-01-" % (TRACE, SPAN), id="a dash more"),
        pytest.param(b"cc-%s-%s-01.more" % (TRACE, SPAN), id="a later one without its dash"),
        pytest.param(b"00-%s-%s-1" % (TRACE, SPAN), id="short flags"),
        pytest.param(b"00-%s-%s" % (TRACE, SPAN), id="no flags"),
        pytest.param(b"0-%s-%s-01" % (TRACE, SPAN), id="a short version"),
        pytest.param(b"00-%s-%s-01" % (TRACE[:-1], SPAN), id="a short trace"),
        pytest.param(b"00-%s-%s-01" % (TRACE, SPAN + b"0"), id="a long span"),
        pytest.param(b"00-%s-%s-01" % (TRACE.upper(), SPAN), id="capitals"),
        pytest.param(b"00-%s-%s-0x" % (TRACE, SPAN), id="no digits"),
        pytest.param(b"00_%s_%s_01" % (TRACE, SPAN), id="other dashes"),
    ],
)
def test_what_is_no_parent_is_ignored(value: bytes) -> None:
    """The request then stands in no trace, and is answered all the same."""
    assert parse(value) is None


def test_two_headers_are_ignored() -> None:
    """Nobody can tell which of them is meant."""
    header = (b"traceparent", b"00-%s-%s-01" % (TRACE, SPAN))

    assert parent_of([(b"host", b"model"), header]) is not None
    assert parent_of([header, header]) is None
    assert parent_of([(b"host", b"model")]) is None
