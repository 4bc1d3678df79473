"""A pod that asks a Service each of several requests once, as a client in the cluster would."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from support import workloads
from support.kubectl import Kubectl

__all__ = ["Ask", "Told", "ask_from_a_pod"]

_PROGRAM = """
import json, urllib.error, urllib.request

def told(ask):
    body = None if ask["content"] is None else json.dumps(ask["content"]).encode()
    request = urllib.request.Request(ask["url"], body, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return {"status": answer.status, "text": answer.read().decode()}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "text": error.read().decode()}

for ask in json.loads(%r):
    print(json.dumps(told(ask)), flush=True)
"""


@dataclass(frozen=True)
class Ask:
    """A GET, or with content a POST of it as JSON."""

    url: str
    content: Any = field(default=None)


@dataclass(frozen=True)
class Told:
    """What was answered."""

    status: int
    text: str

    @property
    def body(self) -> Any:
        """The body, parsed."""
        return json.loads(self.text)


def ask_from_a_pod(kubectl: Kubectl, namespace: str, asks: Sequence[Ask]) -> list[Told]:
    """The answers, in the order of the requests; the pod is made for them."""
    program = _PROGRAM % json.dumps([asdict(one) for one in asks])
    pod = workloads.pod("asker", ["python", "-c", program], restartPolicy="Never")
    kubectl.apply(pod, namespace=namespace)
    waited = kubectl.attempt(
        "-n", namespace, "wait", "pod/asker", "--for=jsonpath={.status.phase}=Succeeded",
        "--timeout=90s", timeout=100,
    )  # fmt: skip
    log = kubectl.attempt("-n", namespace, "logs", "asker").stdout
    assert waited.returncode == 0, f"{waited.stderr}\n{log}"
    return [Told(**json.loads(line)) for line in log.splitlines()]
