"""A pod that serves a repository with DVC: Git's files over TLS, those of DVC's remote without."""

from __future__ import annotations

import base64
import io
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import workloads
from support.data_repository import Repository, make_repository
from support.git_server import certificate
from support.kubectl import Kubectl

__all__ = ["NAME", "DataServer", "serve_data"]

NAME = "data"
_PROGRAM = """
import base64, http.server, io, os, ssl, tarfile, threading

archive = tarfile.open(fileobj=io.BytesIO(base64.b64decode(%r)))
files = {one.name: archive.extractfile(one).read() for one in archive if one.isfile()}

class Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        content = files.get(self.path.partition("?")[0].strip("/"))
        self.send_response(404 if content is None else 200)
        self.send_header("content-length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def do_HEAD(self):
        found = self.path.strip("/") in files
        self.send_response(200 if found else 404)
        self.end_headers()

# OpenSSL reads files only; the root file system can't be written to, the memory can.
held = os.memfd_create("certificate")
os.write(held, files["certificate.pem"])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"/proc/self/fd/{held}")
safe = http.server.ThreadingHTTPServer(("", 8443), Files)
safe.socket = context.wrap_socket(safe.socket, server_side=True)
threading.Thread(target=safe.serve_forever).start()
http.server.ThreadingHTTPServer(("", 8080), Files).serve_forever()
"""


@dataclass(frozen=True)
class DataServer:
    """The repository, and the pod that serves it."""

    kubectl: Kubectl
    namespace: str
    folder: Path
    repository: Repository

    def uri(self, revision: str) -> str:
        """The address of `rows.csv` at a revision, for pods."""
        return f"dvc+https://{NAME}.{self.namespace}.svc/repository.git@{revision}:rows.csv"

    @property
    def trust(self) -> list[dict[str, str]]:
        """What a trainer's environment needs in order to trust the server.

        Pods take no files of the user's but their data. OpenSSL finds a certificate between the
        other lines of whatever file it is told to look into: here, the environment itself.
        """
        return [
            {"name": "CERTIFICATE", "value": f"\n{(self.folder / 'only.pem').read_text()}\n"},
            {"name": "SSL_CERT_FILE", "value": "/proc/self/environ"},
        ]

    def push(self, content: bytes) -> None:
        """A new state of the data on the branch; the server is away for a moment."""
        self.repository.push(content)
        self.kubectl("-n", self.namespace, "delete", "pod", NAME, "--grace-period=1")
        self.serve()

    def serve(self) -> None:
        """Serve what the repository has now."""
        bare = self.folder / "repository.git"
        self.repository.git("push", "--quiet", str(bare), "main", "--tags")
        subprocess.run(["git", "update-server-info"], cwd=bare, check=True)
        self.kubectl.apply(_pod(self.folder), _service(), namespace=self.namespace)
        self.kubectl(
            "-n", self.namespace, "wait", f"pod/{NAME}", "--for=condition=Ready", "--timeout=90s",
            timeout=100,
        )  # fmt: skip


def serve_data(
    kubectl: Kubectl, namespace: str, folder: Path, revisions: Mapping[str, bytes]
) -> DataServer:
    """Serve `rows.csv` in several revisions."""
    host = f"{NAME}.{namespace}.svc"
    made = make_repository(folder, revisions, f"http://{host}/store")
    made.git("init", "--bare", "--initial-branch", "main", str(folder / "repository.git"))
    certificate(folder, host)
    server = DataServer(kubectl, namespace, folder, made)
    server.serve()
    return server


def _pod(folder: Path) -> dict[str, Any]:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in ("repository.git", "store", "certificate.pem"):
            archive.add(folder / name, name, filter=_without_hooks)
    program = _PROGRAM % base64.b64encode(packed.getvalue()).decode()
    pod = workloads.pod(NAME, ["python", "-c", program])
    main = pod["spec"]["containers"][0]
    main["readinessProbe"] = {"tcpSocket": {"port": 8443}, "periodSeconds": 1}
    return pod


def _without_hooks(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "/hooks" in info.name else info


def _service() -> dict[str, Any]:
    service = workloads.service(NAME)
    service["spec"]["ports"] = [
        {"name": "git", "port": 443, "targetPort": 8443},
        {"name": "store", "port": 80, "targetPort": 8080},
    ]
    return service
