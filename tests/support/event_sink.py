"""A sink of CloudEvents on a real socket, and sinks that behave badly."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

__all__ = ["EventSink", "event_sink", "hanging_sink", "nobody"]


@dataclass
class EventSink:
    """What was posted, and what is answered."""

    base: str = ""
    """Its address without a path."""
    address: str = ""
    statuses: list[int] = field(default_factory=list)
    """Answers to the next posts; all later ones are taken."""
    posts: int = 0
    kinds: set[str] = field(default_factory=set)
    bodies: list[bytes] = field(default_factory=list)
    """Of the posts that were taken."""

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events that were taken, in their order."""
        return [event for body in self.bodies for event in json.loads(body)]


@contextlib.contextmanager
def event_sink(*statuses: int) -> Iterator[EventSink]:
    """A sink that answers the first posts with these statuses."""
    sink = EventSink(statuses=list(statuses))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            sink.posts += 1
            sink.kinds.add(self.headers["content-type"])
            status = sink.statuses.pop(0) if sink.statuses else 202
            if status < 300:
                sink.bodies.append(body)
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        @override
        def log_message(self, *_words: object) -> None:
            """Tests read what was posted and not a log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        sink.base = f"http://127.0.0.1:{server.server_port}"
        sink.address = f"{sink.base}/events?tenant=ml"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield sink
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def hanging_sink() -> Iterator[str]:
    """The address of one that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def nobody() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"
