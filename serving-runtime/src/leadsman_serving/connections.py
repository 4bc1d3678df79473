"""Connections that end after a while, so that new pods get traffic.

Clients with kept connections would stay with the pods that they found first, however many come.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import cast

from typing_extensions import override

from leadsman_serving.gate import CLOSES_AT
from leadsman_serving.kept_connection import KeptConnection
from leadsman_serving.open_connections import Guard, guarded
from leadsman_serving.quick_protocol import QuickAnswers, QuickProtocol

_SPREAD = 0.1


def kept_connection(quick: QuickAnswers | None) -> type[KeptConnection]:
    """Connections of clients; with `quick` usual requests are answered below ASGI."""
    if quick is None:
        return KeptConnection
    return type("QuickProtocol", (QuickProtocol,), {"answers": quick})


def protocol_of(
    most_seconds: float, kept: type[KeptConnection], guard: Guard
) -> type[asyncio.Protocol]:
    """The protocol of uvicorn, whose connections are asked to close after this time; 0 for never.

    The time differs by a tenth from one to the next, lest all come back at once.
    """
    base = guarded(kept, guard)
    if not most_seconds:
        return cast("type[asyncio.Protocol]", base)

    class AgingProtocol(base):  # type: ignore[misc, valid-type] # chosen above
        """Notes in each request's state when its connection has had its time."""

        @override
        def connection_made(self, transport: asyncio.Transport) -> None:
            share = 1 + random.uniform(-_SPREAD, _SPREAD)  # noqa: S311 - no secret
            # A copy of its own: uvicorn gives all connections the same.
            known = self.app_state  # type: ignore[has-type] # of a base that is chosen above
            self.app_state = {**known, CLOSES_AT: time.monotonic() + most_seconds * share}
            super().connection_made(transport)

    return cast("type[asyncio.Protocol]", AgingProtocol)
