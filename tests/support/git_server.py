"""A private Git server over HTTPS: git's own `http-backend`, for who has the password."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typing_extensions import override

__all__ = ["PASSWORD", "USER", "certificate", "file_server", "git_server"]

USER, PASSWORD = "ada", "p@ss/word"


def certificate(folder: Path, host: str = "localhost") -> Path:
    """A key and its own certificate for a host, in one file; the certificate is in `only.pem`."""
    file = folder / "certificate.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=leadsman", "-addext", f"subjectAltName=DNS:{host}",
            "-keyout", str(file), "-out", str(folder / "only.pem"),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + (folder / "only.pem").read_text())
    return file


def git_server(folder: Path, certified_by: Path) -> AbstractContextManager[str]:
    """Serve the repositories of a folder; gives `localhost:PORT`."""
    return _served(type("Handler", (_Handler,), {"folder": folder}), certified_by)


def file_server(folder: Path, certified_by: Path) -> AbstractContextManager[str]:
    """Serve the files of a folder to anybody, and know nothing of Git; gives `localhost:PORT`."""
    return _served(partial(_Files, directory=str(folder)), certified_by)


@contextmanager
def _served(handler: Callable[..., BaseHTTPRequestHandler], certified_by: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified_by)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Files(SimpleHTTPRequestHandler):
    @override
    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


class _Handler(BaseHTTPRequestHandler):
    folder: Path

    def do_GET(self) -> None:
        """Ask git."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {token}":
            self._answer(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
            return
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "http-backend"],
            env={**os.environ, **self._variables(length)},
            input=body,
            check=True,
            capture_output=True,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode().split("\r\n")]
        headers = {name: value for name, _, value in lines}
        status = int(headers.pop("Status", "200").split()[0])
        self._answer(status, list(headers.items()), content)

    def do_POST(self) -> None:
        """Likewise."""
        self.do_GET()

    def _variables(self, length: int) -> dict[str, str]:
        path, _, query = self.path.partition("?")
        return {
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(content)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""
