"""Native histograms of the Prometheus that the stack runs, as the operator counts them."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from devcluster.builds import part_folder
from devcluster.pins import load_pins
from devcluster.places import find_places
from leadsman_api.v1alpha1.health import RequestMetrics
from leadsman_operator.adapters.prometheus import PrometheusMetrics
from leadsman_operator.facts import PodCount
from leadsman_operator.observe.counters import pod_counts
from leadsman_operator.ports import Endpoint
from support.waiting import eventually

METRICS = RequestMetrics.model_validate({"latency": "request_seconds"})
SCALE, FIRST = 3, -68
"""The buckets end at powers of the eighth root of 2; the first of ours ends at 2^(-67/8) s."""
MADE_FOR_THIS = "--web.enable-otlp-receiver"
"""What takes histograms that are pushed: those of a scrape come as protocol buffers alone."""


@contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    """The very program of the cluster's image, with nothing in it; gives its address."""
    program = part_folder(load_pins().parts["prometheus"], find_places()) / "prometheus"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (folder / "prometheus.yml").write_text("otlp: {promote_resource_attributes: [pod]}\n")
    command = [
        str(program),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        MADE_FOR_THIS,
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(
            lambda: process.poll() is None and is_ready(address),
            within_seconds=60,
            what=f"Prometheus is ready: {(folder / 'log').read_text()}",
        )
        yield address
    finally:
        process.terminate()
        process.wait(30)


def is_ready(address: str) -> bool:
    """Whether it answers queries."""
    try:
        return bool(httpx.get(f"{address}/-/ready", timeout=2).is_success)
    except httpx.HTTPError:
        return False


def push(address: str, at: datetime, pods: Mapping[str, list[int]]) -> None:
    """Tell of each pod's answers so far: how many in each bucket, from the shortest on."""
    begun, now = (str(int(one.timestamp() * 1e9)) for one in (at - timedelta(hours=1), at))
    points = [
        {
            "attributes": [{"key": "pod", "value": {"stringValue": pod}}],
            "startTimeUnixNano": begun, "timeUnixNano": now, "scale": SCALE,
            "count": str(sum(counts)), "sum": 1.0,
            "positive": {"offset": FIRST, "bucketCounts": [str(one) for one in counts]},
        }
        for pod, counts in pods.items()
    ]  # fmt: skip
    histogram = {"aggregationTemporality": 2, "dataPoints": points}
    metric: dict[str, Any] = {"name": METRICS.latency, "exponentialHistogram": histogram}
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    told = httpx.post(f"{address}/api/v1/otlp/v1/metrics", json=body, timeout=10)
    assert told.is_success, told.text


def counted(address: str, at: datetime) -> Mapping[str, PodCount]:
    """What the operator makes of them, by pod."""

    async def asked() -> Mapping[str, PodCount]:
        async with httpx.AsyncClient() as client:
            found = await PrometheusMetrics(client).query(Endpoint(address), METRICS.latency, at)
        return {one.pod: one for one in pod_counts(found, METRICS, ["a", "b"], at)}

    return asyncio.run(asked())


def test_native_histograms_are_counted_as_they_are(tmp_path: Path) -> None:
    """Each answer in the bucket that it belongs to, look after look, the empty ones too."""
    now = datetime.fromtimestamp(int(time.time()), UTC)
    earlier = now - timedelta(seconds=30)
    before = [4, 0, 0, 3, 0, 0, 0]
    with prometheus(tmp_path) as address:
        push(address, earlier, {"a-1": before, "b-1": before})
        push(address, now, {"a-1": [8, 0, 0, 6, 0, 0, 0], "b-1": [4, 0, 0, 6, 0, 0, 5]})
        first, second = counted(address, earlier), counted(address, now)

    new = {
        pod: {name: value - first[pod].counters[name] for name, value in found.counters.items()}
        for pod, found in second.items()
    }
    # 2^-8 s is where the fourth bucket ends: 3.9 ms.
    assert {pod: one[f"le={2**-8:g}"] for pod, one in new.items()} == {"a-1": 7, "b-1": 3}
    assert {pod: one["le=+Inf"] for pod, one in new.items()} == {"a-1": 7, "b-1": 8}
    assert all(counter >= 0 for one in new.values() for counter in one.values())
