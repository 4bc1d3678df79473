"""Measure our serving runtime beside its peers: `make bench-serving`.

The full run takes hours and wants the machine for itself; `--rounds 1 --seconds 1 --models
logistic` shows in some minutes whether all works.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from bench.serving.figures import compare, figures_of, missed
from bench.serving.measuring import CLIENT_CORE, Bench, Sample
from bench.serving.report import page
from bench.serving.servers import OUR_PYTHON, SERVERS, Kind, Server, our_variables
from bench.serving.venvs import NotInstalled, python_of, versions

MODELS = ("logistic", "forest", "histogram", "lightgbm", "xgboost", "categories")
_FOLDER = Path("build") / "bench"
_OUR_PACKAGES = (
    "leadsman-serving", "uvicorn", "msgspec", "numpy", "onnxruntime", "lightgbm", "xgboost-cpu",
)  # fmt: skip

Chosen = TypeVar("Chosen")


def main() -> int:
    """Run; 1 when a bar is missed and `--check` asks for it."""
    options = _options()
    folder = (Path.cwd() / _FOLDER).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    models = _chosen(options.models, {name: name for name in MODELS})
    servers = _servers(options.servers, peers_only=options.peers_only)
    pythons, told, absent = _installed(servers)
    _make_models(models, folder / "models", compiled=not options.peers_only)
    os.sched_setaffinity(0, {CLIENT_CORE})
    bench = Bench(options.seconds, folder, pythons)
    samples: list[Sample] = []
    for turn in range(options.rounds):
        for model in models:
            for server in servers:
                reason = absent.get(server.venv)
                sample = (
                    Sample(model, server.name, failure=f"not installed: {reason}")
                    if reason
                    else bench.sample(server, folder / "models" / model)
                )
                samples.append(sample)
                _say(_progress(turn, options.rounds, sample))
                content = [one.to_json() for one in samples]
                (folder / "serving.samples.json").write_text(json.dumps(content, indent=1))
    return _conclude(folder, samples, told, options)


def _conclude(
    folder: Path,
    samples: list[Sample],
    told: dict[str, dict[str, str]],
    options: argparse.Namespace,
) -> int:
    figures = figures_of(samples)
    text = page(figures, told, options.rounds, options.seconds)
    (folder / "serving.md").write_text(text)
    compared = [compare(model, found) for model, found in figures.items()]
    (folder / "serving.json").write_text(json.dumps(compared, indent=2) + "\n")
    _say(f"\n{text}\nIn {_FOLDER}/: serving.md, serving.json, serving.samples.json")
    breaches = [breach for one in compared for breach in missed(one)] if options.check else []
    for breach in breaches:
        _say(f"MISSED {breach}")
    return 1 if breaches else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-serving", description=__doc__)
    keys = list(dict.fromkeys(server.key for server in SERVERS))
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="how often each server has its turn (%(default)s)")
    add("--seconds", type=float, default=3.0, help="length of each load (%(default)s)")
    add("--models", default="", help=f"some of {','.join(MODELS)}; all by default")
    add("--servers", default="", help=f"some of {','.join(keys)}; all by default")
    add("--peers-only", action="store_true", help="leave ours out")
    add("--check", action="store_true", help="fail when a promised figure is missed")
    return parser.parse_args()


def _servers(wanted: str, *, peers_only: bool) -> list[Server]:
    by_key: dict[str, list[Server]] = {}
    for server in SERVERS:
        by_key.setdefault(server.key, []).append(server)
    chosen = [server for group in _chosen(wanted, by_key) for server in group]
    return [server for server in chosen if not (peers_only and server.kind is Kind.OURS)]


def _chosen(wanted: str, known: dict[str, Chosen]) -> list[Chosen]:
    names = [name for name in wanted.replace(",", " ").split() if name] or list(known)
    unknown = sorted(set(names) - set(known))
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names]


def _installed(
    servers: Sequence[Server],
) -> tuple[dict[str, Path], dict[str, dict[str, str]], dict[str, str]]:
    """Interpreters, versions, and why an environment could not be made; one after the other."""
    pythons, told, absent = {"": OUR_PYTHON}, {}, {}
    if any(not server.venv for server in servers):
        told["leadsman"] = {name: version(name) for name in _OUR_PACKAGES}
    for venv in dict.fromkeys(server.venv for server in servers if server.venv):
        try:
            pythons[venv] = python_of(venv)
            told[venv] = versions(venv, pythons[venv])
            _say(f"{venv}: {told[venv]}")
        except NotInstalled as error:
            absent[venv] = str(error)
            _say(f"{venv}: not installed: {error}")
    return pythons, told, absent


def _make_models(names: Sequence[str], folder: Path, *, compiled: bool) -> None:
    """Make them anew, and for ours what its fetch step makes of them."""
    _say(f"models: {', '.join(names)}")
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore", "MLFLOW_LOGGING_LEVEL": "ERROR"}
    making = [sys.executable, "-m", "bench.serving.models", str(folder), *names]
    subprocess.run(making, env=quiet, check=True)
    for name in names if compiled else ():
        subprocess.run(
            [str(OUR_PYTHON), "-m", "leadsman_serving", "compile"],
            env={**os.environ, **our_variables(folder / name)},
            check=True,
        )


def _progress(turn: int, rounds: int, sample: Sample) -> str:
    begin = f"round {turn + 1}/{rounds} {sample.model:10} {sample.server:18}"
    if sample.failure:
        return f"{begin} FAILED {sample.failure}"
    speeds = " ".join(f"{load['rps']:8.0f}" for load in sample.loads.values())
    return (
        f"{begin} req/s {speeds}  p99 {sample.loads[16]['p99']:.2f} ms"
        f"  ready {sample.ready_seconds:.2f} s  {sample.memory_mb:.0f} MB"
        f"  {sample.cpu_seconds_per_1000:.3f} CPU s  client {sample.loads[16]['client_busy']:.0%}"
    )


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command-line program prints


if __name__ == "__main__":
    sys.exit(main())
