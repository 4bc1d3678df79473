"""A port of a Service in the cluster, reached from here for as long as a test needs it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from support.kubectl import Kubectl


@contextmanager
def forwarded(kubectl: Kubectl, namespace: str, service: str, port: int) -> Iterator[str]:
    """The address of a local port that leads to a Service, as `http://127.0.0.1:12345`."""
    process = subprocess.Popen(
        [
            str(kubectl.program), "--kubeconfig", str(kubectl.kubeconfig), "-n", namespace,
            "port-forward", f"service/{service}", f":{port}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        assert found, f"port-forward of {service}: {line}"
        yield f"http://127.0.0.1:{found[1]}"
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()
