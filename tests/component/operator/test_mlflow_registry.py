"""Answers of MLflow, as version 3 gives them: one to all who ask for a model of a server."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import unquote_plus

from leadsman_operator.adapters.clock import SystemClock
from leadsman_operator.adapters.mlflow import MlflowRegistry
from leadsman_operator.facts import ModelFacts
from leadsman_operator.ports import Endpoint

NAMES = ("churn", "fraud", "prices")
SEARCH = "GET /api/2.0/mlflow/registered-models/search?"


def asked_at_once() -> Sequence[ModelFacts | None]:
    """What those hear who ask a new registry at the same time, each for another model."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = unquote_plus((await reader.readuntil(b"\r\n\r\n")).decode())
        assert request.startswith(SEARCH), request
        names = re.findall(r"'(\w+)'", request)
        body = json.dumps({"registered_models": [{"name": name} for name in names]})
        head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        writer.close()
        await writer.wait_closed()

    async def whole() -> Sequence[ModelFacts | None]:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            endpoint = Endpoint(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            registry = MlflowRegistry(SystemClock(), timedelta(seconds=60), lambda _: None)
            return await asyncio.gather(*(registry.model(endpoint, name) for name in NAMES))

    return asyncio.run(whole())


def test_a_model_that_is_asked_for_while_others_are_read_is_found() -> None:
    """As when an operator starts: who asks a moment later is not told that there is none."""
    assert [one.name if one else None for one in asked_at_once()] == list(NAMES)
