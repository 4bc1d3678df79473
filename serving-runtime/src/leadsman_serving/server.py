"""Runs the ports of the process and ends it without losing a request.

The model port has the main thread and its event loop, with the port for copies where there is
one; the side port a thread of its own, so that a slow model never costs a probe.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn
import uvloop
from typing_extensions import override

from leadsman_serving.app import create_app, create_asked_app, create_side_app, endpoints_of
from leadsman_serving.connections import kept_connection, protocol_of
from leadsman_serving.copies.port import CopiesPort, copies_port
from leadsman_serving.copies.quick import copies_protocol
from leadsman_serving.ending import Ending
from leadsman_serving.errors import PortUnavailable
from leadsman_serving.gate import RequestGate
from leadsman_serving.inference import Inference
from leadsman_serving.kept_connection import IS_TESTED, TESTED_WITH, KeptConnection
from leadsman_serving.lifecycle import BEAT_SECONDS, Lifecycle, loop_lag_seconds
from leadsman_serving.open_connections import Guard
from leadsman_serving.quick_protocol import QuickAnswers
from leadsman_serving.rpc.late import RpcPort
from leadsman_serving.settings import Settings, variable_of
from leadsman_serving.start import begin
from leadsman_serving.telemetry import RequestMetrics, create_registry, installed_version
from leadsman_serving.watch import Watch, watch_of

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from starlette.types import ASGIApp

_BACKLOG = 2048
_OTHER_FILES = 128
"""Descriptors for what is no connection of a client: libraries, logs, probes."""

_logger = logging.getLogger(__name__)


def run(settings: Settings, import_seconds: float = 0.0) -> None:
    """Load the model, serve until SIGTERM or SIGINT, then drain and return.

    Raises ModelRefused for a model that can't serve and PortUnavailable.
    """
    lifecycle = Lifecycle(beat_at=time.monotonic())
    registry = create_registry(lifecycle, settings.git_commit)
    metrics = RequestMetrics(registry)
    metrics.phases["import"] = import_seconds
    inference = begin(settings, metrics) if settings.model_dir else None
    lifecycle.beat_at = time.monotonic()
    watch = watch_of(settings, registry, inference.model.backend, os.environ) if inference else None
    app = create_app(settings, lifecycle, inference, metrics, watch)
    side_app = create_side_app(settings, lifecycle, registry)
    if settings.grpc:  # the library opens it later, and has no words for what is wrong
        _listening(settings.port_grpc, "port_grpc").close()
    rpc = RpcPort(settings, app, inference, metrics)
    copies = _copies(settings, lifecycle, registry, app, inference)
    with (
        _listening(settings.port_side, "port_side") as side_socket,
        _listening(settings.port_http, "port_http") as model_socket,
        _copies_socket(settings, copies) as copies_socket,
        _side_port(side_app, side_socket),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        guard, quick = _guard(settings, metrics), _quick(settings, app, metrics)
        server = _server(settings, app, kept_connection(quick), guard)
        ports = [_Port("http", model_socket, server)]
        if copies and copies_socket:
            server = _server(settings, copies, copies_protocol(copies, quick), guard)
            ports.append(_Port("copies", copies_socket, server))
        runner.run(_serve(settings, lifecycle, ports, side_socket, watch, rpc))
    _logger.info("Ended.")


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which would close the port at once."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class _Port:
    """A port that is open, and what serves it."""

    name: str
    listener: socket.socket
    server: _Server


async def _serve(
    settings: Settings,
    lifecycle: Lifecycle,
    ports: Sequence[_Port],
    side_socket: socket.socket,
    watch: Watch | None,
    rpc: RpcPort,
) -> None:
    """Serve the ports of the main thread; on a signal drain, on a second one stop at once."""
    ending = Ending(lifecycle, on_hurry=lambda: _set(ports, "force_exit"))
    _say_serving(settings, lifecycle, ports, side_socket)
    async with asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(_beat(lifecycle))
        serving = [tasks.create_task(port.server.serve(sockets=[port.listener])) for port in ports]
        rpc.open(tasks)
        await ending.drained(settings.drain_seconds)
        _set(ports, "should_exit")
        await rpc.close(ending.hurried)
        await asyncio.wait(serving)
        if watch is not None:
            await ending.flushed(watch, settings.flush_seconds)
        beating.cancel()


def _set(ports: Sequence[_Port], flag: str) -> None:
    """Tell the servers of all ports to end: when they have finished, or at once."""
    for port in ports:
        setattr(port.server, flag, True)


def _say_serving(
    settings: Settings, lifecycle: Lifecycle, ports: Sequence[_Port], side_socket: socket.socket
) -> None:
    """Log what is served, and where."""
    what = "Serving." if lifecycle.model_loaded else "Serving without a model: readiness stays off."
    _logger.info(
        what,
        extra={
            "model": settings.model_name,
            "model_version": settings.model_version,
            **{f"port_{port.name}": port.listener.getsockname()[1] for port in ports},
            "port_side": side_socket.getsockname()[1],
            "version": installed_version(),
            "git_commit": settings.git_commit,
        },
    )


async def _beat(lifecycle: Lifecycle) -> None:
    """Show that the loop runs, for as long as it does."""
    while True:
        lifecycle.beat_at = time.monotonic()
        await asyncio.sleep(BEAT_SECONDS)
        lifecycle.lateness.seen(loop_lag_seconds(lifecycle, now=time.monotonic()))


def _quick(settings: Settings, gate: RequestGate, metrics: RequestMetrics) -> QuickAnswers | None:
    """What answers below ASGI, where that is asked for and the model suits it."""
    if not (settings.quick and gate.quick.singles):
        return None
    if gate.watch is not None:
        return None  # heads that are known by heart are not asked whether they are in a sample
    if not IS_TESTED:
        _logger.warning("Not below ASGI: tested with uvicorn %s only.", TESTED_WITH)
        return None
    singles = {path.encode(): single for path, single in gate.quick.singles.items()}
    return QuickAnswers(
        singles, gate.quick.admission, gate.lifecycle, metrics, gate.head, gate.next_id
    )


def _guard(settings: Settings, metrics: RequestMetrics) -> Guard:
    return Guard(
        _most_connections(settings),
        settings.head_seconds,
        settings.stalled_seconds,
        metrics.refused,
    )


def _most_connections(settings: Settings) -> int:
    """As many as are allowed, or as the process may open files: each is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or soft < hard:
        wanted = 2 * settings.most_connections + _OTHER_FILES
        soft = max(soft, wanted if hard == resource.RLIM_INFINITY else min(hard, wanted))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(settings.most_connections, (soft - _OTHER_FILES) * 3 // 4))


def _server(settings: Settings, app: ASGIApp, kept: type[KeptConnection], guard: Guard) -> _Server:
    configuration = uvicorn.Config(
        app,
        # httptools by name: "auto" falls back without a word to a parser three times slower.
        http=protocol_of(settings.limits.max_connection_age.total_seconds(), kept, guard),
        ws="none",
        lifespan="off",
        backlog=_BACKLOG,
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.finish_seconds,
    )
    return _Server(configuration)


def _copies(
    settings: Settings,
    lifecycle: Lifecycle,
    registry: CollectorRegistry,
    live: RequestGate,
    inference: Inference | None,
) -> CopiesPort | None:
    """What answers copies; None where there is nothing to compare, or to compare with."""
    if inference is None or not settings.stable_address:
        return None
    asked = create_asked_app(settings, lifecycle, inference)
    return copies_port(settings, registry, live, asked, endpoints_of(inference))


def _copies_socket(
    settings: Settings, copies: CopiesPort | None
) -> contextlib.AbstractContextManager[socket.socket | None]:
    if copies is None:
        return contextlib.nullcontext()
    return _listening(settings.port_copies, "port_copies")


@contextlib.contextmanager
def _side_port(app: ASGIApp, listener: socket.socket) -> Iterator[None]:
    """Answer probes and metrics from another thread until the block ends."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
    # A daemon: a scrape that hangs must not keep a process alive that was told to end.
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="side-port", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=5)


def _listening(port: int, field: str) -> socket.socket:
    """A listening socket for IPv6 and IPv4, or only IPv4 on hosts without IPv6."""
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(
                ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
            )
        # Every interface, because the clients are other pods.
        return socket.create_server(("0.0.0.0", port), backlog=_BACKLOG)  # noqa: S104
    except OSError as error:
        raise PortUnavailable(
            f"Port {port} can't be opened: {error.strerror}. Set {variable_of(field)} to another."
        ) from error
