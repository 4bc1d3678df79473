"""Small pods and Services of the tests, made from the project's own serving image.

Its Python is server and client enough, so that no other image has to be pulled. They keep to the
restricted Pod Security Standard, like everything that Leadsman itself will start.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "IMAGE", "client_pod", "deployment", "pod", "service", "sink_command", "web_command"
]  # fmt: skip

IMAGE = "leadsman/serving:dev"
Manifest = dict[str, Any]


WEB = """
import http.server

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write({body!r})

print("listening", flush=True)
http.server.ThreadingHTTPServer(("", 8080), Answer).serve_forever()
"""


def web_command(body: str) -> list[str]:
    """Return a command that answers every GET on port 8080 with a text."""
    return ["python", "-c", WEB.format(body=body.encode())]


SINK = """
import http.server, json, sys

class Take(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        events = json.loads(self.rfile.read(int(self.headers["content-length"])))
        # In one piece: other threads write as well.
        sys.stdout.write("".join(json.dumps(event) + "\\n" for event in events))
        sys.stdout.flush()
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass

http.server.ThreadingHTTPServer(("", 8080), Take).serve_forever()
"""


def sink_command() -> list[str]:
    """Return a command that takes batches of events at port 8080 and prints each as a line."""
    return ["python", "-c", SINK]


def pod(name: str, command: list[str], **spec: Any) -> Manifest:
    """Return a pod that runs one command."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {**_pod_spec(command), **spec},
    }


ASK = """
import time, urllib.error, urllib.request

end = time.monotonic() + {patience_seconds}
while True:
    try:
        print(urllib.request.urlopen({url!r}, timeout=20).read().decode(), flush=True)
        break
    except (urllib.error.URLError, OSError) as error:
        if time.monotonic() > end:
            raise
        print(error, flush=True)
        time.sleep(0.5)
"""


def client_pod(name: str, url: str, patience_seconds: float = 0, **spec: Any) -> Manifest:
    """Return a pod that asks a URL until it prints an answer; it fails if there is none in time.

    Names and routes of what has just been made reach the nodes within moments: `patience_seconds`
    is how long to wait for them.
    """
    script = ASK.format(url=url, patience_seconds=patience_seconds)
    return pod(name, ["python", "-c", script], restartPolicy="Never", **spec)


def deployment(name: str, command: list[str], replicas: int = 1) -> Manifest:
    """Return a Deployment of the image."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _pod_spec(command)},
        },
    }


def service(name: str) -> Manifest:
    """Return a Service for the pods labelled with its name."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]},
    }


def _pod_spec(command: list[str]) -> Manifest:
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            "fsGroup": 65532,
        },
        "containers": [
            {
                "name": "main",
                "image": IMAGE,
                "imagePullPolicy": "Never",
                "command": command,
                "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }
