"""Leadsman as it is installed for the end-to-end tests: by the program that the demo uses."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.kubectl import Kubectl
from support.repository import ROOT

__all__ = ["Installation", "ensure_leadsman"]

_PROGRAM = ROOT / "scripts" / "demo_cluster.py"
_LOCK = Path(tempfile.gettempdir()) / "leadsman-installation.lock"


@dataclass(frozen=True)
class Installation:
    """Where the parts are."""

    stack_namespace: str = "leadsman-stack"
    operator_namespace: str = "leadsman-system"
    operator_selector: str = "app.kubernetes.io/name=leadsman"

    @property
    def gateway(self) -> dict[str, str]:
        """The stack's Gateway, as routes name their parent."""
        return {"name": "gateway", "namespace": self.stack_namespace}

    def traffic_through_gateway(self, hostname: str) -> dict[str, Any]:
        """`spec.traffic` of a model that the gateway offers under a name."""
        gateway = {"parentRefs": [self.gateway], "hostnames": [hostname]}
        return {"provider": "GatewayAPI", "gateway": gateway}

    def scale(self, kubectl: Kubectl, part: str, replicas: int) -> None:
        """Take a part of the stack down or bring it up, and wait until it is so."""
        space = ("-n", self.stack_namespace)
        kubectl(*space, "scale", f"deployment/{part}", f"--replicas={replicas}")
        if replicas:
            kubectl(*space, "rollout", "status", f"deployment/{part}", timeout=180)
        else:
            kubectl(
                *space, "wait", "pod", "--for=delete", "--timeout=90s",
                "-l", f"app.kubernetes.io/component={part}", timeout=100,
            )  # fmt: skip

    def kill_operator(self, kubectl: Kubectl) -> None:
        """End all of its pods at once, without a word."""
        kubectl(
            "-n", self.operator_namespace, "delete", "pods", "-l", self.operator_selector,
            "--force", "--grace-period=0",
        )  # fmt: skip


def ensure_leadsman(kubectl: Kubectl) -> Installation:
    """Install the stack, the custom resources and the operator; quick when they are there."""
    with _LOCK.open("w") as lock:  # helm refuses to do two things at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = subprocess.run(
            [sys.executable, str(_PROGRAM)],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    installation = Installation()
    kubectl(
        "-n", installation.operator_namespace, "rollout", "status", "deployment/leadsman",
        "--timeout=120s", timeout=130,
    )  # fmt: skip
    return installation
