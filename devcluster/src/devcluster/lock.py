"""One devcluster command at a time changes this machine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from devcluster.errors import Refusal
from devcluster.places import Places

__all__ = ["alone_on_this_machine"]


@contextmanager
def alone_on_this_machine(places: Places) -> Iterator[None]:
    """Hold the lock while the block runs; the kernel frees it whatever happens to us.

    Raises:
        Refusal: Another command holds it; the message has its process id.
    """
    places.cache.mkdir(parents=True, exist_ok=True)
    with (places.cache / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise Refusal(
                f"another devcluster command (process {holder}) is at work: wait until it ends"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
