"""A PostgreSQL of the tests' own, where the machine has its programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["HAS_POSTGRES", "postgres"]

PROGRAMS = ("initdb", "pg_ctl", "postgres")
HAS_POSTGRES = all(shutil.which(program) for program in PROGRAMS)
_NOBODY = 65534


@contextmanager
def postgres() -> Iterator[str]:
    """Run one until the block ends; gives its address, which is a socket in a folder."""
    # It refuses to run as root, and a socket's path may have 107 letters only.
    user = _NOBODY if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    if user is not None:
        os.chown(folder, user, user)
    data = folder / "data"
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"

    def run(*command: str) -> None:
        subprocess.run(
            command, check=True, cwd=folder, user=user, capture_output=True, timeout=60,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        )  # fmt: skip

    try:
        run("initdb", "-D", str(data), "-U", "leadsman", "-A", "trust", "-E", "UTF8", "--no-sync")
        run("pg_ctl", "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
        yield f"postgresql://leadsman@/postgres?host={folder}"
    finally:
        if (data / "postmaster.pid").exists():
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)
