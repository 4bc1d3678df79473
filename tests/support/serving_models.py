"""A server with a model, spoken to without a socket."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from starlette.types import ASGIApp

from leadsman_serving.app import create_app
from leadsman_serving.lifecycle import Lifecycle
from leadsman_serving.settings import Settings
from leadsman_serving.start import begin
from leadsman_serving.telemetry import RequestMetrics
from support.repository import ROOT

__all__ = ["ModelServer", "ask", "make_models", "settings_of", "variables_of"]


def make_models(folder: Path) -> Path:
    """A folder with a model of each kind, saved by MLflow; made once for all test processes."""
    folder.mkdir(exist_ok=True)
    program = ROOT / "tests" / "support" / "make_models.py"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "answers.json").exists():
            subprocess.run(
                [sys.executable, str(program), str(folder)], check=True, capture_output=True
            )
    return folder


def ask(
    app: ASGIApp, method: str, path: str, content: bytes | None = None, **headers: str
) -> httpx.Response:
    """One request; an exception in the app is answered, as a server would."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://model") as client:
            return await client.request(method, path, content=content, headers=headers)

    return asyncio.run(send())


@dataclass
class ModelServer:
    """The app of a model that was loaded and warmed up."""

    model: Path
    loading: str = "Safe"
    variables: dict[str, str] = field(default_factory=dict)
    lifecycle: Lifecycle = field(default_factory=lambda: Lifecycle(beat_at=0.0))
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    before: Callable[[Any], None] | None = None
    """Called with what predicts before the first request."""

    def __post_init__(self) -> None:
        """Start as the process does; raises what it raises."""
        metrics = RequestMetrics(self.registry)
        self.settings = settings_of(self.model, LEADSMAN_LOADING=self.loading, **self.variables)
        self.inference = begin(self.settings, metrics)
        if self.before is not None:
            self.before(self.inference)
        self.app = create_app(self.settings, self.lifecycle, self.inference, metrics)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """POST bytes as they are, all else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return ask(
            self.app, "POST", path, content, **{"content-type": "application/json", **headers}
        )

    def metric(self, line: str) -> float:
        """The value of a metric, named with its labels as Prometheus writes it."""
        text = generate_latest(self.registry).decode()
        found = [one for one in text.splitlines() if one.startswith(f"{line} ")]
        assert found, text
        return float(found[0].rpartition(" ")[2])


def settings_of(model: Path, **variables: str) -> Settings:
    """Settings of a server of this model."""
    return Settings.from_environment(variables_of(model, **variables))


def variables_of(model: Path, **variables: str) -> dict[str, str]:
    """The environment of a server of this model, which lies where the fetch step had put it."""
    folder = model.parent / f"{model.name}-served"
    folder.mkdir(exist_ok=True)
    # Copied, for MLflow opens no files outside of a model's own folder; several tests may come here
    # at once, and the first that is done decides.
    if not (folder / "model").exists():
        copy = Path(tempfile.mkdtemp(dir=folder))
        shutil.copytree(model, copy / "model", symlinks=False)
        with contextlib.suppress(OSError):
            (copy / "model").rename(folder / "model")
    return {
        "LEADSMAN_MODEL_DIR": str(folder),
        "LEADSMAN_MODEL_NAME": "churn",
        "LEADSMAN_MODEL_VERSION": "7",
        "LEADSMAN_MODEL_DIGEST": "sha256:" + "0123456789abcdef" * 4,
        "LEADSMAN_TERMINATION_PATH": str(folder / "said"),
        **variables,
    }
