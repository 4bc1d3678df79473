"""Measure our serving runtime beside its peers: `make bench-serving ARGS="..."`.

Models, servers and rounds are measured one after the other; the machine should do nothing
else. Each sample is kept as soon as it is there, and the page tells of all that are kept.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from bench.serving.conclusion import conclude
from bench.serving.figures import COMPARED, MODELS
from bench.serving.measuring import CLIENT_CORE
from bench.serving.pace import Pace, Turn, in_words
from bench.serving.samples import Kept, Run, Sample, merged, read, write
from bench.serving.servers import OUR_PYTHON, SERVERS, Server, our_variables
from bench.serving.stage import BATCHED_MODELS, Stage
from bench.serving.venvs import NotInstalled, python_of, versions

FOLDER = Path("build") / "bench"
_OUR_PACKAGES = (
    "leadsman-serving", "uvicorn", "uvloop", "httptools", "msgspec", "numpy", "onnxruntime",
    "scikit-learn", "lightgbm", "xgboost-cpu",
)  # fmt: skip
_EXAMPLES = """examples (of ARGS):
  --rounds 1 --seconds 0.5 --models logistic   whether all works, in some minutes
  --models forest,xgboost                      these two, beside what is kept of the others
  --resume                                     go on with a run that was interrupted
  --report --check                             measure nothing: write the page, hold the bars
  --check --publish                            all, for docs/benchmarks/
"""

Chosen = TypeVar("Chosen")


def main() -> int:
    """Run; 1 when a bar is missed and `--check` asks for it."""
    # Stopped processes would outlive us: SIGTERM ends like Ctrl+C, through every `finally`.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = _options()
    folder = (Path.cwd() / FOLDER).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "serving.samples.json"
    kept, models = read(file), _chosen(options.models, {name: name for name in MODELS})
    if not options.report:
        run, pythons, absent = _prepared(options, kept, models)
        _make_models(run.models, folder / "models")
        os.sched_setaffinity(0, {CLIENT_CORE})
        progress = Progress(run, folder, pythons, absent, file, kept)
        progress.all_models()
        kept, models = progress.kept, run.models
    return conclude(folder, kept, models, check=options.check, publish=options.publish)


@dataclass
class Progress:
    """One run and what is kept so far."""

    run: Run
    folder: Path
    pythons: dict[str, Path]
    absent: dict[str, str]
    """Why an environment is not there, by its name."""
    file: Path
    kept: Kept

    def __post_init__(self) -> None:
        """Nothing is known of the pace yet."""
        self.pace = Pace(self.run.seconds)
        self.servers = [one for one in SERVERS if one.name in self.run.servers]

    def all_models(self) -> None:
        """Model by model, each with all servers in turns."""
        for place, model in enumerate(self.run.models):
            model_folder = self.folder / "models" / model
            began = self.run.began
            with Stage(model_folder, self.folder, self.pythons, began, self.run.seconds) as stage:
                for server, turn in self._missing(model):
                    self._take(stage, server, turn, self.run.models[place:])

    def _take(self, stage: Stage, server: Server, turn: int, models: Sequence[str]) -> None:
        model = models[0]
        this = Turn(server, stage.starts(server), server.batched and model in BATCHED_MODELS)
        began = time.monotonic()
        if reason := self.absent.get(server.venv):
            failure = f"not installed: {reason}"
            sample = Sample(self.run.began, model, server.name, turn, failure)
        else:
            sample = stage.sample(server, turn)
        self.pace.note(this, time.monotonic() - began)
        self.kept = merged(self.kept, self.run, sample)
        write(self.file, self.kept)
        left = self.pace.left(self._to_come(models))
        _say(f"{_progress(sample, self.run.rounds)}  {in_words(left)} left")

    def _missing(self, model: str) -> Iterator[tuple[Server, int]]:
        """The turns of a model that are not kept yet, rounds outermost."""
        for turn in range(1, self.run.rounds + 1):
            for server in self.servers:
                fits = not server.models or model in server.models
                if fits and not self.kept.has(self.run, model, server.name, turn):
                    yield server, turn

    def _to_come(self, models: Sequence[str]) -> Iterator[Turn]:
        for model in models:
            for server, turn in self._missing(model):
                starts = turn == 1 or not server.stands
                if server.venv not in self.absent:
                    yield Turn(server, starts, server.batched and model in BATCHED_MODELS)


def _prepared(
    options: argparse.Namespace, kept: Kept, models: list[str]
) -> tuple[Run, dict[str, Path], dict[str, str]]:
    """The run to do, new or the one to go on with, and the environments that it takes."""
    earlier = kept.latest() if options.resume else None
    if options.resume and earlier is None:
        sys.exit("nothing to resume: no run is kept")
    names = earlier.servers if earlier else [one.name for one in _servers(options.servers)]
    pythons, told, absent = _installed([one for one in SERVERS if one.name in names])
    run = Run(
        time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        _machine(),
        _revision(),
        earlier.seconds if earlier else options.seconds,
        earlier.rounds if earlier else options.rounds,
        earlier.models if earlier else models,
        names,
        told,
    )
    if earlier and not run.continues(earlier):
        sys.exit("the code, the machine or a version has changed: start a new run with --models")
    return earlier or run, pythons, absent


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench-serving",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    keys = list(dict.fromkeys(server.key for server in SERVERS))
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="how often each server has its turn (%(default)s)")
    add("--seconds", type=float, default=2.0, help="length of each load (%(default)s)")
    add("--models", default="", help=f"some of {','.join(MODELS)}; all by default")
    add("--servers", default="", help=f"some of {','.join(keys)}; all by default")
    add("--resume", action="store_true", help="go on with the last run, where it ended")
    add("--report", action="store_true", help="measure nothing, tell of what is kept")
    add("--check", action="store_true", help="fail when a promised figure is missed")
    add("--publish", action="store_true", help="write the page into docs/benchmarks/ as well")
    return parser.parse_args()


def _servers(wanted: str) -> list[Server]:
    by_key: dict[str, list[Server]] = {}
    for server in SERVERS:
        by_key.setdefault(server.key, []).append(server)
    return [server for group in _chosen(wanted, by_key) for server in group]


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


def _make_models(names: Sequence[str], folder: Path) -> None:
    """Make them anew, and for ours what its fetch step makes of them."""
    _say(f"models: {', '.join(names)}")
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore", "MLFLOW_LOGGING_LEVEL": "ERROR"}
    making = [sys.executable, "-m", "bench.serving.models", str(folder), *names]
    subprocess.run(making, env=quiet, check=True)
    for name in names:
        subprocess.run(
            [str(OUR_PYTHON), "-m", "leadsman_serving", "compile"],
            env={**os.environ, **our_variables(folder / name)},
            check=True,
        )


def _machine() -> str:
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    name = models[0] if models else platform.machine()
    python = f"Python {platform.python_version()}"
    return f"{name}, {len(models)} cores, Linux {platform.release()}, {python}"


def _revision() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "serving-runtime", "tests/bench/serving")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if changed else "")


def _progress(sample: Sample, rounds: int) -> str:
    begin = f"round {sample.round}/{rounds} {sample.model:10} {sample.server:20}"
    if sample.failure:
        return f"{begin} FAILED {sample.failure}"
    speeds = " ".join(f"{load.rps:8.0f}" for load in sample.loads.values())
    ready = "      " if sample.ready_seconds is None else f"{sample.ready_seconds:5.2f}s"
    return (
        f"{begin} req/s {speeds}  p99 {sample.loads[COMPARED].p99:.2f} ms"
        f"  ready {ready}  {sample.memory_mb:.0f} MB  {sample.cpu_seconds_per_1000:.3f} CPU s"
        f"  client {sample.loads[COMPARED].client_busy:.0%}  others {sample.others_busy:.0%}"
    )


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command-line program prints


if __name__ == "__main__":
    sys.exit(main())
