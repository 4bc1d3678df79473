"""Environments for clients whose requirements clash with ours, kept in the cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["python_with"]

_NEWEST = "2026-11-17"
"""With the pinned versions it decides on all others: no release after it is installed."""


def python_with(*requirements: str) -> Path:
    """The interpreter of an environment with these packages, made if it is not there yet."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    whole = "\n".join((version, _NEWEST, *requirements))
    folder = _cache() / "clients" / hashlib.sha256(whole.encode()).hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _uv("venv", "--quiet", "--python", sys.executable, str(folder))
            python = str(folder / "bin" / "python")
            newest = ("--exclude-newer", _NEWEST)
            _uv("pip", "install", "--quiet", "--python", python, *newest, *requirements)
            (folder / "installed").touch()
    return folder / "bin" / "python"


def _cache() -> Path:
    """The same folder as in the Makefile."""
    below = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("LEADSMAN_CACHE") or Path(below) / "leadsman")


def _uv(*arguments: str) -> None:
    own = _cache() / "uv" / "bin" / "uv"
    program = os.environ.get("UV") or shutil.which("uv") or str(own)
    # The project's own settings are for its own environment.
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    done = subprocess.run(
        [program, "--no-config", *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
