"""Connections that end after a while, so that new pods get traffic.

Clients with kept connections would stay with the pods that they found first, however many come.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import cast

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from leadsman_serving.gate import CLOSES_AT

_SPREAD = 0.1


def protocol_with_age(most_seconds: float) -> type[asyncio.Protocol]:
    """The protocol of uvicorn, whose connections are asked to close after this time; 0 for never.

    The time differs by a tenth from one to the next, lest all come back at once.
    """
    if not most_seconds:
        return cast("type[asyncio.Protocol]", HttpToolsProtocol)

    class AgingProtocol(HttpToolsProtocol):
        """Notes in each request's state when its connection has had its time."""

        @override
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            share = 1 + random.uniform(-_SPREAD, _SPREAD)  # noqa: S311 - no secret
            self.app_state = {**self.app_state, CLOSES_AT: time.monotonic() + most_seconds * share}
            super().connection_made(transport)

    return cast("type[asyncio.Protocol]", AgingProtocol)
