"""helm as the chart tests call it: renders a chart into objects, or says why it refuses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["KUBERNETES", "Helm", "Manifest"]

Manifest = dict[str, Any]

# Stated, because the version that helm assumes without a cluster depends on how it was built.
KUBERNETES = "1.35.0"


@dataclass(frozen=True)
class Helm:
    """Runs one helm program; it never reaches for a cluster or the network."""

    program: Path

    def attempt(
        self, *arguments: str, values: Mapping[str, object] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command whose failure is part of the test."""
        given = [] if values is None else ["--values", "-"]
        return subprocess.run(
            [str(self.program), *arguments, *given],
            input=json.dumps(values),  # JSON is YAML
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def attempt_template(
        self, chart: Path, values: Mapping[str, object] | None = None, kubernetes: str = KUBERNETES
    ) -> subprocess.CompletedProcess[str]:
        """Render a chart that may refuse."""
        return self.attempt(
            "template", "release", str(chart), "--kube-version", kubernetes, values=values or {}
        )

    def template(self, chart: Path, values: Mapping[str, object] | None = None) -> list[Manifest]:
        """Render a chart that has to render; return its objects in the order of the output."""
        result = self.attempt_template(chart, values)
        assert result.returncode == 0, result.stderr
        # The loader in C: CRDs are long, and the one in Python takes a second for them.
        documents = yaml.load_all(result.stdout, Loader=yaml.CSafeLoader)
        return [document for document in documents if document]
