"""The registry as people fill it: versions of every kind, made from models that are logged once."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

from mlflow import MlflowClient

from support.repository import ROOT

_COLLEAGUE = ROOT / "examples" / "demo" / "colleague.py"
SOURCE = "stories-"
"""Registered models with this prefix and a kind behind it hold what the stories take from."""


def log_model(tracking_uri: str, name: str, kind: str) -> None:
    """Run the colleague's program of the demo, as a process of its own."""
    result = subprocess.run(
        [sys.executable, str(_COLLEAGUE), name, kind, "--alias", "kept"],
        env={**os.environ, "MLFLOW_TRACKING_URI": tracking_uri},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@dataclass(frozen=True)
class Registry:
    """An MLflow server, spoken to as a colleague does."""

    client: MlflowClient
    tracking_uri: str

    def ensure_kind(self, kind: str) -> str:
        """The source of a logged model of a kind; logged when the server has none yet."""
        name = f"{SOURCE}{kind}"
        found = self.client.search_model_versions(f"name = '{name}'")
        if not found:
            log_model(self.tracking_uri, name, kind)
            found = self.client.search_model_versions(f"name = '{name}'")
        return str(found[0].source)

    def add(self, name: str, kind: str, *, alias: str | None = "champion") -> int:
        """Register one more version of a kind; gives its number."""
        source = self.ensure_kind(kind)
        if not self.client.search_registered_models(f"name = '{name}'"):
            self.client.create_registered_model(name)
        model_id = source.removeprefix("models:/")
        made = self.client.create_model_version(name, source, model_id=model_id)
        number = int(made.version)
        if alias:
            self.client.set_registered_model_alias(name, alias, str(number))
        return number

    def forget(self, name: str) -> None:
        """Delete a registered model that an earlier run of a story has left."""
        if self.client.search_registered_models(f"name = '{name}'"):
            self.client.delete_registered_model(name)
