"""kubectl as the tests call it: every call names the cluster and keeps what was printed."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Kubectl:
    """Runs `kubectl` against one cluster."""

    kubeconfig: Path
    program: Path = Path("kubectl")

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = 60) -> str:
        """Run a command that has to succeed; return its standard output."""
        result = self.attempt(*arguments, stdin=stdin, timeout=timeout)
        assert result.returncode == 0, f"kubectl {' '.join(arguments)}: {result.stderr}"
        return result.stdout

    def attempt(
        self, *arguments: str, stdin: str | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command whose failure is part of the test."""
        return subprocess.run(
            [str(self.program), "--kubeconfig", str(self.kubeconfig), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def apply(self, *manifests: object, namespace: str) -> None:
        """Apply objects given as plain data."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self("-n", namespace, "apply", "-f", "-", stdin=json.dumps(items))

    def get(self, *arguments: str) -> Any:
        """`kubectl get … -o json`, parsed."""
        return json.loads(self("get", *arguments, "-o", "json"))
