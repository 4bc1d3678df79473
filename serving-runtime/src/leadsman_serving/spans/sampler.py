"""Which requests get a span, by the standard variables.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

from collections.abc import Mapping

from leadsman_serving.protocols.traceparent import TraceParent
from leadsman_serving.sampling import Sample

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_BY_PARENT = "parentbased_"
_DEFAULT = "parentbased_always_off"
"""Not the standard's own, by which every request outside of a trace would begin one."""


class Sampler:
    """Decides before any span is made."""

    def __init__(self, name: str = _DEFAULT, argument: str = "") -> None:
        """A name of the standard's; one that is unknown counts as the default."""
        self._heeds_parent = name.startswith(_BY_PARENT)
        share = {"always_on": 1.0, "always_off": 0.0, "traceidratio": _share(argument)}.get(
            name.removeprefix(_BY_PARENT)
        )
        if share is None:
            self._heeds_parent, share = True, 0.0
        self._sample = Sample(share)

    def has(self, request_id: bytes, parent: TraceParent | None) -> bool:
        """Whether this request gets a span: as its caller has it, else by its share."""
        if parent is not None and self._heeds_parent:
            return parent.is_sampled
        return self._sample.has(parent.trace_id.encode() if parent else request_id)


def sampler_of(environment: Mapping[str, str]) -> Sampler | None:
    """The sampler that is asked for; None where there is no collector to send spans to."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if environment.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return None
    if not any(environment.get(name) for name in ENDPOINTS):
        return None
    name = environment.get("OTEL_TRACES_SAMPLER", "").strip().lower() or _DEFAULT
    return Sampler(name, environment.get("OTEL_TRACES_SAMPLER_ARG", ""))


def _share(argument: str) -> float:
    """A share from 0 to 1; everything where none is told, as the standard has it."""
    try:
        return min(1.0, max(0.0, float(argument)))
    except ValueError:
        return 1.0
