"""What a version was made from: written down when it is made, and compared when it is made again.

The inputs stand in the order in which a difference is named: data first, machine last. The image
is not among them, since no pod knows its own: the operator sees it, and compares it after these.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import leadsman_training
from leadsman_api.v1alpha1.training_run_spec import TrainingRunSpec

FILE = "provenance.json"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONHASHSEED")
_OPTIONS = ("classWeights", "calibration", "earlyStopping")
_LONGEST = 200
_NO_INPUT = ("source", "drift")
"""Parts of the data's spec that change no model: its content counts, and not what is said of it."""


@dataclass(frozen=True, slots=True)
class Made:
    """How one model came to be."""

    spec: TrainingRunSpec
    data_digest: str
    rows: int
    seed: int
    parameters: Mapping[str, Any]
    commit: str

    def inputs(self) -> dict[str, Any]:
        """All that decides what comes out, by name, as JSON."""
        data, trainer = self.spec.data.to_wire(), self.spec.trainer.to_wire()
        known = {
            "data": self.data_digest,
            "columns and held-out rows": {
                name: value for name, value in data.items() if name not in _NO_INPUT
            },
            "trainer": {
                **{name: trainer.get(name) for name in ("algorithm", "entrypoint", "task")},
                # Not written down where they are left out: earlier versions know none of them.
                **{name: trainer[name] for name in _OPTIONS if name in trainer},
            },
            "fixed parameters": trainer.get("parameters", {}),
            "parameters": dict(self.parameters),
            "seed": self.seed,
            "commit": self.commit,
            "code": code_digest(self.spec.trainer.entrypoint),
            "packages": packages(),
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
            "threads": {name: os.environ.get(name) for name in _THREADS},
        }
        # As it is read again: JSON knows no tuples.
        found: dict[str, Any] = json.loads(json.dumps(known, default=str))
        return found


def record(made: Made, **about: object) -> str:
    """The file's text: the inputs, and what is told without being compared."""
    told = {"uri": made.spec.data.source.uri, "rows": made.rows, **about}
    return json.dumps({"about": told, "inputs": made.inputs()}, indent=2, default=str)


def first_difference(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """The first input that differs, with both values; None when all are the same."""
    for name, value in now.items():
        if name not in recorded:
            return f"{name}: not recorded"
        if recorded[name] != value:
            return _difference(name, recorded[name], value)
    return None


def _difference(name: str, was: Any, now: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(was, dict) and isinstance(now, dict):
        names = (*now, *(one for one in was if one not in now))
        part = next(one for one in names if was.get(one) != now.get(one))
        return f"{name}: {part} was {_shown(was.get(part))} and is {_shown(now.get(part))}"
    return f"{name}: was {_shown(was)} and is {_shown(now)}"


def _shown(value: Any) -> str:  # noqa: ANN401 - JSON
    text = value if isinstance(value, str) else json.dumps(value)
    return (text or "unknown")[:_LONGEST]


def packages() -> dict[str, str]:
    """Every package of this environment with its version."""
    found = {one.metadata["Name"]: one.version for one in metadata.distributions()}
    return dict(sorted((name, version) for name, version in found.items() if name))


def code_digest(entrypoint: str | None) -> str:
    """The digest of our own code, and of the module that the entrypoint is in."""
    ours = sorted(Path(leadsman_training.__file__).parent.rglob("*.py"))
    files = [(file.name, file.read_bytes()) for file in ours]
    if entrypoint is not None:
        module = importlib.import_module(entrypoint.partition(":")[0])
        if module.__file__ is not None:
            files.append(("entrypoint", Path(module.__file__).read_bytes()))
    whole = hashlib.sha256()
    for name, content in files:
        whole.update(f"{name} {len(content)}\n".encode() + content)
    return f"sha256:{whole.hexdigest()}"
