"""Leadsman as it is installed for the end-to-end tests: by the program that the demo uses."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from support.kubectl import Kubectl
from support.repository import ROOT

__all__ = ["Installation", "ensure_leadsman"]

_PROGRAM = ROOT / "scripts" / "demo_cluster.py"


@dataclass(frozen=True)
class Installation:
    """Where the parts are."""

    stack_namespace: str = "leadsman-stack"
    operator_namespace: str = "leadsman-system"
    operator_selector: str = "app.kubernetes.io/name=leadsman"


def ensure_leadsman(kubectl: Kubectl) -> Installation:
    """Install the stack, the custom resources and the operator; quick when they are there."""
    result = subprocess.run(
        [sys.executable, str(_PROGRAM)], capture_output=True, text=True, timeout=600, check=False
    )
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    installation = Installation()
    kubectl(
        "-n", installation.operator_namespace, "wait", "pods", "--for=condition=Ready",
        "--timeout=120s", "-l", installation.operator_selector, timeout=130,
    )  # fmt: skip
    return installation
