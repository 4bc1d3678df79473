"""Calls over gRPC: in a crowd, at a deadline, in a drain, on old connections, in the log."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import ChannelConnectivity, StatusCode, aio

from leadsman_serving.cost import Cost
from leadsman_serving.rpc.messages import CLASSES
from leadsman_serving.rpc.port import open_port
from leadsman_serving.telemetry import RequestMetrics
from leadsman_serving.watch import watch_of
from support.event_sink import event_sink
from support.serving_models import ModelServer
from support.waiting import eventually

pytestmark = pytest.mark.filterwarnings("ignore")
INFER = "/inference.GRPCInferenceService/ModelInfer"
ROW = [0.5, 1.0, -1.0]
LONG = 30.0
AGE_SECONDS = 1.0
REFUSED = 'leadsman_requests_refused_total{reason="Overloaded"}'


def request(rows: list[list[float]]) -> Any:
    """Rows in one typed tensor."""
    message = CLASSES["ModelInferRequest"](model_name="churn")
    tensor = message.inputs.add(name="rows", datatype="FP64", shape=[len(rows), len(rows[0])])
    tensor.contents.fp64_contents.extend(value for row in rows for value in row)
    return message


async def ask(channel: aio.Channel, message: Any, seconds: float = LONG) -> tuple[str, str]:
    """The code of a call's answer, and its words."""
    call = channel.unary_unary(
        INFER,
        request_serializer=lambda sent: sent.SerializeToString(),
        response_deserializer=CLASSES["ModelInferResponse"].FromString,
    )
    try:
        await call(message, timeout=seconds)
    except aio.AioRpcError as error:
        return error.code().name, str(error.details())
    return StatusCode.OK.name, ""


def served(server: ModelServer, story: Callable[[aio.Channel, aio.Server], Awaitable[Any]]) -> Any:
    """What a story finds that is told with the server's port of gRPC."""

    async def told() -> Any:
        metrics = RequestMetrics()
        rpc, port = await open_port(
            server.settings.model_copy(update={"port_grpc": 0}),
            server.app, server.inference, metrics,
        )  # fmt: skip
        async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            try:
                return await story(channel, rpc)
            finally:
                await rpc.stop(0)

    return asyncio.run(told())


@pytest.fixture(scope="module")
def server(models: Path) -> ModelServer:
    """A server with a pipeline of three doubles."""
    return ModelServer(models / "skops")


@pytest.mark.parametrize(("seconds", "code"), [(1.0, "UNAVAILABLE"), (LONG, "OK")])
def test_what_takes_longer_than_the_call_waits_is_refused_before_any_work(
    server: ModelServer, seconds: float, code: str
) -> None:
    """By the call's own deadline, as a header says it over HTTP."""
    worker = server.inference.worker
    worker.expect(Cost(0.0, 10.0))
    calls = worker.counts.calls

    found, words = served(server, lambda channel, _: ask(channel, request([ROW]), seconds))

    assert found == code
    assert worker.counts.calls - calls == (code == "OK")
    assert ("try again" in words) == (code != "OK")


class Held:
    """A model that answers when it is let go."""

    def __init__(self, predictor: Any) -> None:
        self._predictor = predictor
        self.began, self.go_on = threading.Event(), threading.Event()

    def predict(self, table: Any, params: Mapping[str, Any] | None = None) -> object:
        """Wait, then answer."""
        self.began.set()
        assert self.go_on.wait(LONG)
        return self._predictor.predict(table, params)

    def probabilities(self, table: Any) -> object:
        """As the model."""
        return self._predictor.probabilities(table)


def held(server: ModelServer) -> Held:
    """Hold the model of a server, whose calls take their time from then on."""
    found = Held(server.inference.model.predictor)
    object.__setattr__(server.inference.model, "predictor", found)
    server.inference.worker.expect(Cost(0.0, 1.0))
    return found


def test_calls_that_are_open_are_finished_while_the_port_closes(models: Path) -> None:
    """The one that is on its way is answered; the next finds nobody."""
    server = ModelServer(models / "skops")
    model = held(server)

    async def story(channel: aio.Channel, rpc: aio.Server) -> Any:
        first = asyncio.ensure_future(ask(channel, request([ROW])))
        await asyncio.to_thread(model.began.wait, LONG)
        stopping = asyncio.ensure_future(rpc.stop(LONG))
        # A call that crosses the news of the closing is cancelled by gRPC's own library.
        async with asyncio.timeout(LONG):
            await channel.wait_for_state_change(ChannelConnectivity.READY)
        late = await ask(channel, request([ROW]), seconds=2.0)
        model.go_on.set()
        await stopping
        return (await first)[0], late[0]

    answered, late = served(server, story)

    assert answered == "OK"
    assert late in ("UNAVAILABLE", "DEADLINE_EXCEEDED")


def test_a_crowd_is_refused_before_any_work(models: Path) -> None:
    """Who would wait longer than the pod's limit is told at once; who came first is answered."""
    server = ModelServer(models / "skops")
    model = held(server)

    async def story(channel: aio.Channel, _rpc: aio.Server) -> list[str]:
        first = asyncio.ensure_future(ask(channel, request([ROW])))
        await asyncio.to_thread(model.began.wait, LONG)
        server.inference.worker.expect(Cost(0.0, 100.0))
        refused = [(await ask(channel, request([ROW])))[0] for _ in range(3)]
        model.go_on.set()
        return [*refused, (await first)[0]]

    assert served(server, story) == ["UNAVAILABLE"] * 3 + ["OK"]
    assert server.metric(REFUSED) == 3


def test_connections_grow_old_without_losing_a_call(models: Path) -> None:
    """Clients are told to connect anew, so that new pods get their share."""
    limits = '{"maxConnectionAge": "1s"}'
    server = ModelServer(models / "skops", variables={"LEADSMAN_LIMITS": limits})

    async def story(channel: aio.Channel, _rpc: aio.Server) -> tuple[set[str], int]:
        codes, connected = set(), 0
        state = channel.get_state(try_to_connect=True)
        end = asyncio.get_running_loop().time() + 4 * AGE_SECONDS
        while asyncio.get_running_loop().time() < end:
            codes.add((await ask(channel, request([ROW])))[0])
            before, state = state, channel.get_state()
            connected += before is not state and state is not grpc.ChannelConnectivity.READY
        return codes, connected

    codes, left = served(server, story)

    assert codes == {"OK"}
    assert left >= 1


def test_calls_reach_the_log_of_payloads(models: Path) -> None:
    """Messages as they went over the wire; what is refused with its words."""
    with event_sink() as sink:
        log = f'{{"sink": "{sink.address}", "sample": 1}}'
        server = ModelServer(models / "skops", variables={"LEADSMAN_PAYLOAD_LOG": log})
        watch = watch_of(server.settings, server.registry, "numpy", {})
        assert watch is not None
        gate: Any = server.app
        gate.watch = watch

        async def story(channel: aio.Channel, _rpc: aio.Server) -> list[str]:
            return [(await ask(channel, request([row])))[0] for row in (ROW, ROW[:2])]

        codes = served(server, story)
        eventually(lambda: len(sink.events) == 4, within_seconds=LONG, what="all have come")
        watch.close()

    asked, answered, _, refused = sink.events
    assert codes == ["OK", "INVALID_ARGUMENT"]
    assert base64.b64decode(asked["data_base64"]) == request([ROW]).SerializeToString()
    assert asked["subject"] == INFER
    found = CLASSES["ModelInferResponse"].FromString(base64.b64decode(answered["data_base64"]))
    assert found.model_name == "churn"
    assert (answered["httpstatus"], refused["httpstatus"]) == (200, 422)
    assert b"rows" in base64.b64decode(refused["data_base64"])
