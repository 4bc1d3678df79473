"""The registry as people fill it: versions of every kind, made from models that are logged once."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from types import ModuleType

from mlflow import MlflowClient

from support.repository import ROOT

_COLLEAGUE = ROOT / "examples" / "demo" / "colleague.py"
SOURCE = "stories-"
"""Registered models with this prefix and a kind behind it hold what the stories take from."""


def colleague() -> ModuleType:
    """The demo's program that logs models of every kind."""
    spec = importlib.util.spec_from_file_location("colleague", _COLLEAGUE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["colleague"] = module
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Registry:
    """An MLflow server, spoken to as a colleague does."""

    client: MlflowClient

    def ensure_kind(self, kind: str) -> str:
        """The source of a logged model of a kind; logged when the server has none yet."""
        name = f"{SOURCE}{kind}"
        found = self.client.search_model_versions(f"name = '{name}'")
        if not found:
            colleague().register(name, kind, "kept")
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
