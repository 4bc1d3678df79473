"""What waits to be sent: bounded in number and in bytes, between the event loop and a thread."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, Protocol, TypeVar

MOST_WAITING = 1024
MOST_BYTES = 16 * 1024 * 1024
_BATCH = 64
_BATCH_BYTES = 1024 * 1024


class Sized(Protocol):
    """What can wait."""

    @property
    def size(self) -> int:
        """Bytes that it takes, roughly."""


Item = TypeVar("Item", bound=Sized)


class Ring(Generic[Item]):
    """Takes what it has room for and says no to the rest: whoever puts never waits."""

    def __init__(self, most: int = MOST_WAITING, most_bytes: int = MOST_BYTES) -> None:
        """Empty and open."""
        self._most, self._most_bytes = most, most_bytes
        self._waiting: deque[Item] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: Item) -> bool:
        """Keep one; False where there is no room, or nobody takes any more."""
        with self._changed:
            full = len(self._waiting) >= self._most or self._bytes + item.size > self._most_bytes
            if full or self._closed:
                return False
            self._waiting.append(item)
            self._bytes += item.size
            self._changed.notify()
        return True

    def take(self) -> list[Item]:
        """Wait for something and take a batch of it; nothing when closed and empty."""
        taken: list[Item] = []
        size = 0
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            while self._waiting and len(taken) < _BATCH and size < _BATCH_BYTES:
                taken.append(self._waiting.popleft())
                size += taken[-1].size
            self._bytes -= size
        return taken

    def close(self) -> None:
        """Take nothing more; what waits can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
