"""Which of the operator's replicas acts: the one that holds the Lease.

Pure timing over a `LeaseStore`; it knows neither Kubernetes nor what a leader does. Clocks of
different machines are never compared: a Lease counts as abandoned when it has not changed for
its duration by our own clock, as client-go does it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from leadsman_operator.errors import Conflict, EdgeError

_logger = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
"""How often a standby looks, at the latest."""
_RELEASED_SECONDS = 1
"""Duration that a released Lease says, in case that somebody reads nothing else."""


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """A Lease as it is stored."""

    holder: str = ""
    """Identity of the leader; empty after it left in order."""
    seconds: int = 10
    """How long it stays the leader's without being renewed."""
    transitions: int = 0
    """How often it went from one holder to another."""
    acquired_at: str = ""
    """When the holder took it, in the form of the API server."""
    version: str = ""
    """Changes with every write; empty for a Lease that is not stored yet."""


class LeaseStore(Protocol):
    """Where the Lease is kept; raises EdgeError and nothing else."""

    async def read(self) -> LeaseRecord | None:
        """The Lease; None when there is none."""

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Store it with the present time and return it with its new version.

        Raises Conflict when the stored one has another version than `record`.
        """


class LeadershipLost(Exception):
    """Another replica leads now, or may believe so: whoever gets this must not act any more."""


class Leadership:
    """One replica's part in the election."""

    def __init__(
        self,
        store: LeaseStore,
        identity: str,
        seconds: int,
        on_renewed: Callable[[float], None],
    ) -> None:
        """`seconds` is the duration of the Lease.

        `on_renewed` is told for how many seconds from now on this replica may act.
        """
        self._store = store
        self._identity = identity
        self._seconds = seconds
        self._on_renewed = on_renewed
        self._seen: LeaseRecord | None = None
        self._seen_at = 0.0

    @property
    def renewal_seconds(self) -> float:
        """How often a leader renews."""
        return self._seconds / 4

    @property
    def patience_seconds(self) -> float:
        """How long a leader that can't renew goes on acting: less than the others wait."""
        return self._seconds * 0.75

    async def acquire(self) -> None:
        """Return once this replica leads; until then look at the Lease again and again."""
        while True:
            if await self._take():
                return
            await asyncio.sleep(self._pause())

    async def keep(self) -> None:
        """Renew for ever; raise LeadershipLost when that fails for too long or others lead."""
        now = asyncio.get_running_loop().time
        renewed_at = now()
        while True:
            await asyncio.sleep(self.renewal_seconds)
            # The deadline holds for the attempts together, so that a server that hangs is no
            # other than one that refuses.
            try:
                async with asyncio.timeout_at(renewed_at + self.patience_seconds):
                    renewed_at = await self._renew()
            except TimeoutError as error:
                raise LeadershipLost(
                    f"the Lease could not be renewed for {self.patience_seconds:g} s"
                ) from error

    async def release(self) -> None:
        """Give the Lease back, so that a standby need not wait for its end."""
        if self._seen is None or self._seen.holder != self._identity:
            return
        try:
            self._seen = await self._store.write(
                replace(self._seen, holder="", seconds=_RELEASED_SECONDS)
            )
        except EdgeError as error:
            _logger.warning("The Lease was not released: %s", error)

    async def _renew(self) -> float:
        """Renew, again and again; when the write that succeeded was begun."""
        while True:
            asked_at = asyncio.get_running_loop().time()
            try:
                await self._renew_once()
            except EdgeError as error:
                _logger.warning("The Lease was not renewed: %s", error)
                await asyncio.sleep(self.renewal_seconds / 4)
            else:
                self._may_act_since(asked_at)
                return asked_at

    def _may_act_since(self, asked_at: float) -> None:
        """Count from before the write: the others can't have seen it earlier."""
        now = asyncio.get_running_loop().time()
        self._on_renewed(asked_at + self.patience_seconds - now)

    async def _renew_once(self) -> None:
        assert self._seen is not None  # noqa: S101 - keep() follows acquire()
        try:
            self._seen = await self._store.write(self._seen)
        except Conflict:
            # Somebody else wrote it: perhaps another leader, perhaps only a label.
            current = await self._store.read()
            if current is None or current.holder != self._identity:
                holder = current.holder if current else "nobody"
                raise LeadershipLost(f"the Lease belongs to {holder or 'nobody'} now") from None
            self._seen = await self._store.write(current)

    async def _take(self) -> bool:
        asked_at = asyncio.get_running_loop().time()
        try:
            current = await self._store.read()
            self._look_at(current)
            if current is not None and not self._is_free(current):
                return False
            self._seen = await self._store.write(self._ours(current or LeaseRecord()))
        except Conflict:
            return False  # Another standby was faster.
        except EdgeError as error:
            _logger.warning("The Lease can't be reached: %s", error)
            return False
        self._may_act_since(asked_at)
        return True

    def _look_at(self, current: LeaseRecord | None) -> None:
        """Remember when it last changed, by our own clock."""
        if current is None or self._seen is None or current.version != self._seen.version:
            self._seen_at = asyncio.get_running_loop().time()
        self._seen = current

    def _is_free(self, current: LeaseRecord) -> bool:
        # Our own name in it is that of the process that was in this pod before us.
        return current.holder in ("", self._identity) or self._ends_in(current) <= 0

    def _ends_in(self, record: LeaseRecord) -> float:
        return self._seen_at + record.seconds - asyncio.get_running_loop().time()

    def _pause(self) -> float:
        """Until the next look: a retry later, or the moment at which the Lease ends."""
        if self._seen is None or not self._seen.holder:
            return RETRY_SECONDS
        return min(RETRY_SECONDS, max(0.05, self._ends_in(self._seen)))

    def _ours(self, current: LeaseRecord) -> LeaseRecord:
        """The record that takes it over; taking it anew is a transition too."""
        return replace(
            current,
            holder=self._identity,
            seconds=self._seconds,
            transitions=current.transitions + (1 if current.version else 0),
            acquired_at="",
        )
