"""A Lease in memory that is versioned as the API server versions it, and can be cut off."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from leadsman_api.reasons import Reason
from leadsman_operator.errors import Conflict, Unreachable
from leadsman_operator.leadership import LeaseRecord
from support.virtual_time import pass_time

__all__ = ["LeaseServer", "LeaseView"]


@dataclass
class LeaseServer:
    """The one Lease that all replicas see."""

    record: LeaseRecord | None = None
    holders: list[str] = field(default_factory=list)
    """Every holder in the order in which they came, and empty where one left."""
    _version: int = 0

    def write(self, record: LeaseRecord) -> LeaseRecord:
        """Store it if it was read before anyone else wrote."""
        present = self.record.version if self.record else ""
        if record.version != present:
            raise Conflict(Reason.CLUSTER_UNREACHABLE, "the Lease has changed")
        self._version += 1
        self.record = replace(record, version=str(self._version))
        if not self.holders or self.holders[-1] != record.holder:
            self.holders.append(record.holder)
        return self.record

    def touch(self) -> None:
        """Change it as somebody does who sets a label."""
        assert self.record is not None
        self._version += 1
        self.record = replace(self.record, version=str(self._version))


@dataclass
class LeaseView:
    """How one replica reaches the Lease."""

    server: LeaseServer
    cut_off: bool = False
    """Every request fails at once."""
    hangs: bool = False
    """No request is ever answered."""

    async def read(self) -> LeaseRecord | None:
        """The Lease; None when there is none."""
        await self._pass()
        return self.server.record

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Store it; Conflict when it was changed."""
        await self._pass()
        return self.server.write(record)

    async def _pass(self) -> None:
        await pass_time(3600 if self.hangs else 0.01)
        if self.cut_off:
            raise Unreachable(Reason.CLUSTER_UNREACHABLE, "no route to the API server")
