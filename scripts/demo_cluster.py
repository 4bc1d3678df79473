"""The cluster of the demo and of the end-to-end tests, with everything of Leadsman installed.

Run as a program it installs the charts on the cluster that `devcluster up` made; harmless when
they are there already.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STACK = "leadsman-stack"
SYSTEM = "leadsman-system"


@dataclass(frozen=True)
class Cluster:
    """A cluster, spoken to as people do."""

    kubeconfig: Path
    tools: Path

    def run(self, program: str, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl or helm; gives what it printed, and ends the program when it failed."""
        result = subprocess.run(
            [str(self.tools / program), "--kubeconfig", str(self.kubeconfig), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise SystemExit(f"{program} {' '.join(arguments)}: {result.stderr.strip()}")
        return result.stdout

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl."""
        return self.run("kubectl", *arguments, stdin=stdin)

    def get(self, *arguments: str) -> dict[str, Any]:
        """`kubectl get … -o json`, parsed."""
        return dict(json.loads(self.kubectl("get", *arguments, "-o", "json")))

    def apply(self, file: Path, namespace: str) -> None:
        """Apply a file."""
        self.kubectl("-n", namespace, "apply", "--server-side", "-f", str(file))

    def replace_config_map(self, namespace: str, name: str, data: Mapping[str, str]) -> None:
        """Make a ConfigMap, or put other data in the one that is there."""
        manifest = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name},
            "data": dict(data),
        }
        self.kubectl(
            "-n", namespace, "apply", "--server-side", "--force-conflicts", "-f", "-",
            stdin=json.dumps(manifest),
        )  # fmt: skip

    def fresh_namespace(self, name: str) -> None:
        """An empty namespace, whatever an earlier run left there."""
        self.kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=180s")
        self.kubectl("create", "namespace", name)

    @contextmanager
    def forwarded(self, namespace: str, service: str, port: int) -> Iterator[str]:
        """A local address that leads to a Service."""
        process = subprocess.Popen(
            [
                str(self.tools / "kubectl"), "--kubeconfig", str(self.kubeconfig),
                "-n", namespace, "port-forward", f"service/{service}", f":{port}",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            if found is None:
                raise SystemExit(f"port-forward of {service}: {line}")
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            process.terminate()
            process.wait(timeout=10)


def find_cluster() -> Cluster:
    """The cluster that `devcluster up` made."""
    return Cluster(
        kubeconfig=Path(devcluster("kubeconfig").strip()),
        tools=Path(devcluster("tools", "helm", "kubectl").strip()),
    )


def devcluster(*arguments: str, show: bool = False) -> str:
    """Run a devcluster command; its progress is shown when it takes its time."""
    result = subprocess.run(
        ["devcluster", *arguments],
        stdout=None if show else subprocess.PIPE,
        text=True,
        check=False,
        env=os.environ,
    )
    if result.returncode:
        raise SystemExit(result.returncode)
    return result.stdout or ""


def install(cluster: Cluster) -> None:
    """Install the custom resources, the stack and the operator, and wait until they are ready."""
    began = time.monotonic()
    helm(cluster, "leadsman-crds", SYSTEM)
    helm(cluster, "leadsman-stack", STACK)
    copy_study_secret(cluster)
    helm(cluster, "leadsman", SYSTEM, *operator_values())
    print(f"installed: {time.monotonic() - began:.0f} s", flush=True)


def operator_values() -> list[str]:
    """Where the operator finds the stack."""
    values = {
        "image.tag": "dev",
        "serving.image": "leadsman/serving:dev",
        "training.image": "leadsman/training:dev",
        "tracking.uri": f"http://mlflow.{STACK}.svc:5000",
        "prometheus.url": f"http://prometheus.{STACK}.svc:9090",
        "study.secretRef.name": "study",
        "study.secretRef.key": "url",
        "scrapeInterval": "5s",
        "registryPoll": "3s",
    }
    return [part for name, value in values.items() for part in ("--set", f"{name}={value}")]


def copy_study_secret(cluster: Cluster) -> None:
    """Give the operator the address of the studies' database, from the stack's own Secret."""
    data = cluster.get("secret", "postgresql", "-n", STACK)["data"]
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "study"},
        "data": {"url": data["optuna-url"]},
    }
    cluster.kubectl("-n", SYSTEM, "apply", "--server-side", "-f", "-", stdin=json.dumps(secret))


def helm(cluster: Cluster, chart: str, namespace: str, *values: str) -> None:
    """Install or upgrade a chart and wait until its objects are ready."""
    print(f"installing {chart} in namespace {namespace}", flush=True)
    cluster.run(
        "helm", "upgrade", "--install", "--wait", "--timeout", "5m", "--take-ownership",
        "--namespace", namespace, "--create-namespace", chart, str(ROOT / "charts" / chart),
        *values,
    )  # fmt: skip


def main() -> int:
    """Install everything on the cluster that is up."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    install(find_cluster())
    return 0


if __name__ == "__main__":
    sys.exit(main())
