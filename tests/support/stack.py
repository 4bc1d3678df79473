"""MLflow, PostgreSQL, Prometheus and a gateway, as the chart `leadsman-stack` installs them."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from support.helm import KUBERNETES, Helm, Manifest
from support.kubectl import Kubectl
from support.repository import ROOT

__all__ = [
    "CHART",
    "NAMESPACE",
    "WORKLOADS",
    "Stack",
    "ensure_stack",
    "find_stack",
    "rendered_part",
]

CHART = ROOT / "charts/leadsman-stack"
NAMESPACE = "leadsman-stack"
WORKLOADS = (
    "statefulset/postgresql",
    "deployment/mlflow",
    "deployment/prometheus",
    "deployment/gateway",
)
READY_SECONDS = 300


@dataclass(frozen=True)
class Stack:
    """Where the parts of the stack are reached from pods of the cluster."""

    namespace: str
    mlflow: str
    prometheus: str
    optuna: str
    """The address of the studies' database, with its password."""


def ensure_stack(kubectl: Kubectl, namespace: str = NAMESPACE) -> Stack:
    """Install the stack and wait until it is ready; done already, that takes two seconds."""
    programs = subprocess.run(
        ["devcluster", "tools", "helm"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    installed = subprocess.run(
        [
            str(Path(programs) / "helm"), "--kubeconfig", str(kubectl.kubeconfig),
            "upgrade", "--install", "leadsman-stack", str(CHART),
            "--namespace", namespace, "--create-namespace", "--reset-then-reuse-values",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    for workload in WORKLOADS:
        kubectl(
            "-n", namespace, "rollout", "status", workload, f"--timeout={READY_SECONDS}s",
            timeout=READY_SECONDS + 10,
        )  # fmt: skip
    return find_stack(kubectl, namespace)


def rendered_part(helm: Helm, part: str, values: dict[str, object]) -> dict[str, Manifest]:
    """The objects of one part as helm renders them, by kind and name."""
    result = helm.attempt(
        "template", "stack", str(CHART), "--namespace", NAMESPACE, "--kube-version", KUBERNETES,
        values=values,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    every = [document for document in yaml.safe_load_all(result.stdout) if document]
    mine = [one for one in every if one["metadata"]["labels"]["app.kubernetes.io/name"] == part]
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in mine}


def find_stack(kubectl: Kubectl, namespace: str = NAMESPACE) -> Stack:
    """The stack that is there, left as it is."""
    secret = kubectl.get("-n", namespace, "secret", "postgresql")["data"]
    return Stack(
        namespace=namespace,
        mlflow=f"http://mlflow.{namespace}.svc:5000",
        prometheus=f"http://prometheus.{namespace}.svc:9090",
        optuna=base64.b64decode(secret["optuna-url"]).decode(),
    )
