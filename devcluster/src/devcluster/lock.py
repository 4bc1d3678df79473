"""One devcluster command at a time changes this machine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from devcluster.places import Places
from devcluster.progress import Progress

__all__ = ["alone_on_this_machine"]


@contextmanager
def alone_on_this_machine(places: Places, progress: Progress) -> Iterator[None]:
    """Hold the lock while the block runs; wait for it, and say for whom, if another holds it.

    The kernel frees it whatever happens to us.
    """
    places.cache.mkdir(parents=True, exist_ok=True)
    with (places.cache / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            with progress.step(f"waiting for another devcluster command (process {holder})"):
                fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
