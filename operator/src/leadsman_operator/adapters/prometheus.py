"""A Prometheus server, as `Metrics`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from leadsman_api.reasons import Reason
from leadsman_operator.adapters.native_histograms import classic_form
from leadsman_operator.errors import Refused, Unreachable
from leadsman_operator.facts import Sample
from leadsman_operator.ports import Endpoint

_TIMEOUT_SECONDS = 5.0
_QUERY_REFUSED = (400, 422)
_QUERY, _QUERY_RANGE = "/api/v1/query", "/api/v1/query_range"


@dataclass(frozen=True, slots=True)
class PrometheusMetrics:
    """Prometheus servers, all through one client."""

    client: httpx.AsyncClient

    async def query(self, endpoint: Endpoint, query: str, at: datetime) -> Sequence[Sample]:
        """The instant vector of a PromQL query; a scalar is a vector of one without labels.

        A native histogram is given as the buckets of a classic one.
        Protocol: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
        """
        asked = {"query": query, "time": f"{at.timestamp():.3f}"}
        return _samples(await self._answer(endpoint, _QUERY, asked))

    async def past(
        self, endpoint: Endpoint, query: str, until: datetime, span: timedelta, step: timedelta
    ) -> Sequence[Sample]:
        """The instant vectors of a PromQL query at each `step` of the `span` before a time.

        Protocol: https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries
        """
        asked = {
            "query": query,
            "start": f"{(until - span).timestamp():.3f}",
            "end": f"{until.timestamp():.3f}",
            "step": f"{step.total_seconds():.3f}",
        }
        return _samples_of_range(await self._answer(endpoint, _QUERY_RANGE, asked))

    async def _answer(
        self, endpoint: Endpoint, path: str, asked: Mapping[str, str]
    ) -> Mapping[str, Any]:
        try:
            answer = await self.client.post(
                endpoint.address.rstrip("/") + path,
                data=asked,
                timeout=_TIMEOUT_SECONDS,
                **_authorization(endpoint.credentials),
            )
        except httpx.HTTPError as error:
            raise Unreachable(
                Reason.METRICS_UNREACHABLE,
                f"Prometheus at {endpoint.address} did not answer: {type(error).__name__} {error}",
            ) from error
        return _result(answer, endpoint.address)


def _authorization(credentials: Mapping[str, str]) -> dict[str, Any]:
    """What opens a server, by the names that its Secret has."""
    if "token" in credentials:
        return {"headers": {"Authorization": f"Bearer {credentials['token']}"}}
    if "username" in credentials:
        return {"auth": (credentials["username"], credentials.get("password", ""))}
    return {}


def _result(answer: httpx.Response, address: str) -> Mapping[str, Any]:
    if answer.status_code in _QUERY_REFUSED:
        raise Refused(Reason.QUERY_FAILED, f"Prometheus refused the query: {_said(answer)}")
    if not answer.is_success:
        raise Unreachable(
            Reason.METRICS_UNREACHABLE,
            f"Prometheus at {address} answered {answer.status_code}: {_said(answer)}",
        )
    try:
        result: Mapping[str, Any] = answer.json()["data"]
    except (ValueError, KeyError) as error:
        raise Unreachable(
            Reason.METRICS_UNREACHABLE, f"what answers at {address} is no Prometheus"
        ) from error
    return result


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]


def _samples(result: Mapping[str, Any]) -> list[Sample]:
    if result["resultType"] == "scalar":
        return [_sample({}, result["result"])]
    if result["resultType"] != "vector":
        raise Refused(
            Reason.QUERY_FAILED, f"the query gives a {result['resultType']}, not one number"
        )
    return [sample for one in result["result"] for sample in _of_series(one)]


def _samples_of_range(result: Mapping[str, Any]) -> list[Sample]:
    """The same of a matrix: each of its series has many values."""
    return [
        sample
        for one in result["result"]
        for kind, plural in (("value", "values"), ("histogram", "histograms"))
        for found in one.get(plural, ())
        for sample in _of_series({"metric": one["metric"], kind: found})
    ]


def _of_series(one: Mapping[str, Any]) -> Iterator[Sample]:
    """A number, or the buckets of a native histogram as those of a classic one."""
    labels: Mapping[str, str] = one["metric"]
    if "histogram" not in one:
        yield _sample(labels, one["value"])
        return
    at, histogram = one["histogram"]
    for bound, count in classic_form(histogram):
        yield _sample({**labels, "le": bound}, (at, count))


def _sample(labels: Mapping[str, str], value: Sequence[Any]) -> Sample:
    at, number = value
    return Sample(labels, float(number), datetime.fromtimestamp(float(at), tz=UTC))
