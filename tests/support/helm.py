"""helm as the chart tests call it: renders a chart into objects, or says why it refuses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Helm", "Manifest"]

Manifest = dict[str, Any]


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

    def template(self, chart: Path, values: Mapping[str, object] | None = None) -> list[Manifest]:
        """Render a chart that has to render; return its objects in the order of the output."""
        result = self.attempt("template", "release", str(chart), values=values or {})
        assert result.returncode == 0, result.stderr
        return [document for document in yaml.safe_load_all(result.stdout) if document]
