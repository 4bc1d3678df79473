"""An environment of its own for each peer, kept under the cache for the next run."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
SHARED_LIBRARIES = ("scikit-learn", "lightgbm", "xgboost-cpu", "numpy", "joblib")
"""Of the same version as ours: a saved model is opened by the library that wrote it."""
NEWEST = "2026-11-17"
"""With the pinned versions it decides on all others: no release after it is installed."""
NEWEST_PYTHON = {"mlserver": (3, 12)}
"""Where a peer installs on no newer Python than this, one of that version is looked for."""
# The package that holds XGBoost for GPUs too would bring gigabytes that nobody uses here.
_OVERRIDES = 'xgboost ; sys_platform == "never"\n'
_TOLD = ("fastapi", "numpy", "pandas", "scikit-learn", "uvicorn")
_LONGEST_REASON = 200


class NotInstalled(Exception):
    """A peer that can't be had on this machine."""


def cache() -> Path:
    """The same folder as in the Makefile."""
    below = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("LEADSMAN_CACHE") or Path(below) / "leadsman") / "bench"


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment, which is made if it is not there yet."""
    requirements = (PEERS / f"{peer}.txt").read_text()
    shared = "".join(f"{name}=={version(name)}\n" for name in SHARED_LIBRARIES)
    python = ".".join(map(str, python_version(peer)))
    whole = f"{python}\n{NEWEST}\n{_OVERRIDES}\n{requirements}\n{shared}"
    folder = cache() / hashlib.sha256(whole.encode()).hexdigest()[:16]
    found = folder / "bin" / "python"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        own = python_version(peer) == sys.version_info[:2]
        _uv("venv", "--quiet", "--python", sys.executable if own else python, str(folder))
        (folder / "requirements.txt").write_text(requirements + shared)
        (folder / "overrides.txt").write_text(_OVERRIDES)
        _uv(
            "pip", "install", "--quiet", "--python", str(found), "--exclude-newer", NEWEST,
            "--override", str(folder / "overrides.txt"), "-r", str(folder / "requirements.txt"),
        )  # fmt: skip
        (folder / "installed").touch()
    return found


def python_version(peer: str) -> tuple[int, int]:
    """Ours where the peer runs on it."""
    return min(sys.version_info[:2], NEWEST_PYTHON.get(peer, sys.version_info[:2]))


def versions(peer: str, python: Path) -> dict[str, str]:
    """The versions that decide about speed: of what the peer asks for and of the usual parts."""
    python_is = {"python": ".".join(map(str, python_version(peer)))}
    listed = _uv("pip", "list", "--quiet", "--format", "json", "--python", str(python))
    asked = {_name(line) for line in (PEERS / f"{peer}.txt").read_text().splitlines()}
    return python_is | {
        one["name"]: one["version"]
        for one in json.loads(listed)
        if one["name"] in asked or one["name"] in _TOLD
    }


def _name(requirement: str) -> str:
    return requirement.partition("==")[0].partition("[")[0].strip()


def _uv(*arguments: str) -> str:
    program = os.environ.get("UV") or "uv"
    # The project's own settings are for its own environment.
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    done = subprocess.run(
        [program, "--no-config", *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise NotInstalled(said[:_LONGEST_REASON] or f"uv ended with code {done.returncode}")
    return done.stdout
