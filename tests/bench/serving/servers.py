"""Who is measured: ours, its peers and the bound, each with the command that starts it."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from bench.serving.protocols import (
    BARE,
    BARE_INVOCATIONS,
    INVOCATIONS,
    KSERVE_V1,
    KSERVE_V2,
    ROW,
    Protocol,
)
from bench.serving.venvs import PEERS
from leadsman_serving.settings import Settings

_HOST = "127.0.0.1"
_NOT_INHERITED = ("PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL")


class Kind(StrEnum):
    """What a server is compared as."""

    OURS = "ours"
    OURS_OTHERWISE = "ours otherwise"
    """By another protocol: measured beside peers that speak it, and held to nothing."""
    PEER = "peer"
    BOUND = "bound"


class Setting(StrEnum):
    """How a server is set up."""

    DEFAULTS = "defaults"
    """As its documentation starts it."""
    TUNED = "tuned"
    """As somebody would who wants it fast: one process, no logs, no compression."""
    ASGI = "ASGI"
    """Ours with its hot path as an ASGI app."""
    QUICK = "below ASGI"
    """Ours with usual requests answered by the HTTP protocol itself."""


@dataclass(frozen=True)
class Place:
    """Where one start of a server finds what it needs."""

    model: Path
    work: Path
    """An empty folder of its own."""
    python: Path
    port: int
    other_ports: tuple[int, int]
    setting: Setting

    @property
    def tuned(self) -> bool:
        """Whether it should be fast."""
        return self.setting is Setting.TUNED

    @property
    def name(self) -> str:
        """The model's."""
        return self.model.name


@dataclass(frozen=True)
class Start:
    """What to run."""

    arguments: list[str]
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Server:
    """One row of the table."""

    key: str
    title: str
    kind: Kind
    setting: Setting
    venv: str
    """Name of its requirements; empty for the project's own environment."""
    protocol: Protocol
    start: Callable[[Place], Start]
    models: tuple[str, ...] = ()
    """Those it is measured with; all when empty."""
    batched: bool = False
    """Whether it is also asked for many rows at once."""

    @property
    def name(self) -> str:
        """What tells it from all others."""
        return f"{self.key}-{self.setting.name.lower()}"

    @property
    def stands(self) -> bool:
        """Whether it is started once for all rounds: peers take long to start."""
        return self.kind is Kind.PEER

    @property
    def label(self) -> str:
        """As a person reads it."""
        return f"{self.title} ({self.setting})"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.create_server((_HOST, 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def environment(place: Place, start: Start) -> dict[str, str]:
    """Ours without what is meant for this program, and the server's own variables."""
    inherited = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
    path = f"{place.python.parent}{os.pathsep}{inherited['PATH']}"
    told = {
        "BENCH_MODEL": str(place.model),
        "BENCH_PORT": str(place.port),
        "BENCH_SETTING": str(place.setting),
        "PATH": path,
    }
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"} if place.tuned else {}
    return {**inherited, **told, **threads, **start.variables}


def our_variables(model: Path) -> dict[str, str]:
    """What the fetch step and the server are told of the model's place."""
    return {
        "LEADSMAN_MODEL_DIR": str(model / "served"),
        "LEADSMAN_MODEL_NAME": "model",
        "LEADSMAN_MODEL_VERSION": "1",
        "LEADSMAN_TERMINATION_PATH": str(model / "served" / "said"),
    }


def _ours(place: Place) -> Start:
    told = {
        "LEADSMAN_PORT_HTTP": str(place.port),
        "LEADSMAN_PORT_GRPC": "0",
        "LEADSMAN_PORT_SIDE": "0",
        "LEADSMAN_QUICK": "true" if place.setting is Setting.QUICK else "false",
    }
    return Start(["-m", "leadsman_serving"], {**our_variables(place.model), **told})


def _uvicorn(place: Place, app: str, folder: Path | None = None) -> list[str]:
    command = ["-m", "uvicorn", app, "--host", _HOST, "--port", str(place.port)]
    command += ["--app-dir", str(folder)] if folder else []
    fast = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    return command + (fast if place.tuned else [])


def _asgi(place: Place) -> Start:
    # As our own server sets uvicorn up, of the same environment and so of the same version.
    ours = ["--no-server-header", "--no-proxy-headers", "--ws", "none"]
    return Start([*_uvicorn(place, "asgi_app:app", PEERS), *ours])


def _fastapi(place: Place) -> Start:
    return Start(_uvicorn(place, "fastapi_app:app", PEERS))


def _mlflow(place: Place) -> Start:
    model = str(place.model / "served" / "model")
    if place.tuned:
        # Arrays to a model without a signature, which spares the tables that a check takes.
        bare = place.model / "bare"
        model = str(bare) if bare.exists() else model
        # What `mlflow models serve` ends up running, without its wrapper and access log.
        variables = {"__pyfunc_model_path__": model, "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": "60"}
        return Start(_uvicorn(place, "mlflow.pyfunc.scoring_server.app:app"), variables)
    command = ["-m", "mlflow", "models", "serve", "--model-uri", model, "--env-manager", "local"]
    return Start([*command, "--host", _HOST, "--port", str(place.port)])


def _mlserver(place: Place) -> Start:
    grpc, metrics = place.other_ports
    settings = {"host": _HOST, "http_port": place.port, "grpc_port": grpc, "metrics_port": metrics}
    if place.tuned:
        quiet = {"debug": False, "parallel_workers": 0, "gzip_enabled": False}
        settings |= {**quiet, "metrics_endpoint": None}
    implementation, file = {
        "lightgbm": ("mlserver_lightgbm.LightGBMModel", "model.bst"),
        "xgboost": ("mlserver_xgboost.XGBoostModel", "model.json"),
    }.get(place.name, ("mlserver_sklearn.SKLearnModel", "model.joblib"))
    model = {
        "name": "model",
        "implementation": implementation,
        "parameters": {"uri": str(place.model / file)},
    }
    (place.work / "settings.json").write_text(json.dumps(settings))
    (place.work / "model-settings.json").write_text(json.dumps(model))
    return Start([str(place.python.parent / "mlserver"), "start", str(place.work)])


def _kserve(place: Place) -> Start:
    command = [str(PEERS / "kserve_model.py"), "--http_port", str(place.port)]
    command += ["--grpc_port", str(place.other_ports[0])]
    fast = ["--enable_grpc", "false", "--enable_latency_logging", "false", "--workers", "1"]
    return Start(command + (fast if place.tuned else []))


def _bentoml(place: Place) -> Start:
    command = ["-m", "bentoml", "serve", "bento_service:Benched", "--working-dir", str(PEERS)]
    command += ["--host", _HOST, "--port", str(place.port)]
    return Start(command, {"BENTOML_HOME": str(place.work), "BENTOML_DO_NOT_TRACK": "True"})


def _litserve(_place: Place) -> Start:
    return Start([str(PEERS / "lit_app.py")])


def _ours_by(protocol: Protocol, key: str) -> Server:
    """Ours as it ships, by another protocol than its own."""
    title = f"Leadsman, {protocol.title}"
    return Server(
        key, title, Kind.OURS_OTHERWISE, SHIPPED, "", protocol, _ours, models=("logistic",)
    )


def _both(
    key: str,
    title: str,
    protocol: Protocol,
    start: Callable[[Place], Start],
    tuned: Protocol | None = None,
    *,
    batched: bool = False,
) -> list[Server]:
    """A peer tuned, perhaps by a protocol of its own, and with its defaults."""
    fast, plain = tuned or protocol, protocol
    return [
        Server(key, title, Kind.PEER, Setting.TUNED, key, fast, start, batched=batched),
        Server(key, title, Kind.PEER, Setting.DEFAULTS, key, plain, start),
    ]


SHIPPED = Setting.QUICK if Settings.model_fields["quick"].default else Setting.ASGI
"""The setting of ours that nobody has to ask for: it is the one that is compared."""

SERVERS = [
    *(
        Server("leadsman", "Leadsman", Kind.OURS, one, "", ROW, _ours, batched=one is SHIPPED)
        for one in (Setting.ASGI, Setting.QUICK)
    ),
    Server("asgi", "empty ASGI app", Kind.BOUND, Setting.TUNED, "", ROW, _asgi),
    _ours_by(KSERVE_V2, "leadsman-v2"),
    _ours_by(KSERVE_V1, "leadsman-v1"),
    _ours_by(INVOCATIONS, "leadsman-invocations"),
    *_both("fastapi", "FastAPI, by hand", ROW, _fastapi),
    *_both("mlserver", "MLServer", KSERVE_V2, _mlserver, batched=True),
    *_both("kserve", "KServe SDK", KSERVE_V1, _kserve),
    *_both("mlflow", "mlflow models serve", INVOCATIONS, _mlflow, BARE_INVOCATIONS, batched=True),
    *_both("litserve", "LitServe", ROW, _litserve),
    *_both("bentoml", "BentoML", BARE, _bentoml),
]

OUR_PYTHON = Path(sys.executable)
