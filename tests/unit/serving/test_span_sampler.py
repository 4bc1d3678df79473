"""Which requests get a span: as the standard variables and the caller have it."""

from __future__ import annotations

import pytest

from leadsman_serving.protocols.traceparent import TraceParent, parse
from leadsman_serving.spans.sampler import sampler_of

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"


def parent(flags: bytes) -> TraceParent:
    """A caller that records its part, or does not."""
    found = parse(b"00-%s-00f067aa0ba902b7-%s" % (TRACE, flags))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "argument", "expected"),
    [
        # Whether spans are made: caller records, caller does not, no caller.
        pytest.param("", "", (True, False, False), id="by default"),
        pytest.param("parentbased_always_on", "", (True, False, True), id="all that begin"),
        pytest.param("parentbased_traceidratio", "0", (True, False, False), id="none that begin"),
        pytest.param("parentbased_traceidratio", "1", (True, False, True), id="each that begins"),
        pytest.param("parentbased_traceidratio", "x", (True, False, True), id="no share"),
        pytest.param("always_on", "", (True, True, True), id="all"),
        pytest.param("always_off", "", (False, False, False), id="none"),
        pytest.param("traceidratio", "0", (False, False, False), id="a share of all"),
        pytest.param("jaeger_remote", "", (True, False, False), id="one that is unknown"),
    ],
)
def test_samplers(name: str, argument: str, expected: tuple[bool, bool, bool]) -> None:
    """The names of the standard, with its meaning of each."""
    sampler = sampler_of(
        {**COLLECTOR, "OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": argument}
    )

    assert sampler is not None
    assert tuple(sampler.has(b"r", one) for one in (parent(b"01"), parent(b"00"), None)) == expected


def test_a_share_of_the_requests_begin_a_trace() -> None:
    """About as many as was asked for."""
    sampler = sampler_of(
        {
            **COLLECTOR,
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.1",
        }
    )

    assert sampler is not None
    assert 900 < sum(sampler.has(b"r-%x" % one, None) for one in range(10_000)) < 1100


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({}, id="no collector"),
        pytest.param({**COLLECTOR, "OTEL_SDK_DISABLED": "true"}, id="switched off"),
        pytest.param({**COLLECTOR, "OTEL_TRACES_EXPORTER": "none"}, id="no exporter"),
    ],
)
def test_without_a_collector_there_is_nothing_to_decide(environment: dict[str, str]) -> None:
    """No request is asked about then."""
    assert sampler_of(environment) is None
    assert sampler_of({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/v1/traces"}) is not None
