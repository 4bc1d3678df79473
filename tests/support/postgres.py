"""A PostgreSQL of the tests' own, where the machine has its programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["HAS_POSTGRES", "postgres", "restart"]

PROGRAMS = ("initdb", "pg_ctl", "postgres")
HAS_POSTGRES = all(shutil.which(program) for program in PROGRAMS)
_NOBODY = 65534


@contextmanager
def postgres() -> Iterator[str]:
    """Run one until the block ends; gives its address, which is a socket in a folder."""
    # It refuses to run as root, and a socket's path may have 107 letters only.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    if _user() is not None:
        os.chown(folder, _NOBODY, _NOBODY)
    data = str(folder / "data")
    try:
        _run(
            folder, "initdb", "-D", data, "-U", "leadsman", "-A", "trust", "-E", "UTF8", "--no-sync"
        )
        _start(folder)
        yield f"postgresql://leadsman@/postgres?host={folder}"
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            _run(folder, "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def restart(address: str) -> None:
    """Kill the server of an address, with all that is under way, and start it again."""
    folder = Path(address.rpartition("host=")[2])
    _run(folder, "pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "-w", "stop")
    _start(folder)


def _start(folder: Path) -> None:
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    data, log = str(folder / "data"), str(folder / "log")
    _run(folder, "pg_ctl", "-D", data, "-o", options, "-l", log, "-w", "start")


def _run(folder: Path, *command: str) -> None:
    subprocess.run(
        command, check=True, cwd=folder, user=_user(), capture_output=True, timeout=60,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
    )  # fmt: skip


def _user() -> int | None:
    return _NOBODY if os.getuid() == 0 else None
