"""A ModelDeployment on the cluster, as the stories tell of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.kubectl import Kubectl
from support.steady_client import RATE, REPORT_SECONDS, Counted, SteadyClient
from support.waiting import eventually

QUICK: dict[str, Any] = {
    "steps": [50],
    "minimumStepTime": "10s",
    "deadline": "5m",
    "bake": "10s",
    "keepPrevious": "20s",
}
"""A rollout as short as it can be judged."""
SMALL: dict[str, Any] = {
    "resources": {"requests": {"cpu": "100m", "memory": "192Mi"}, "limits": {"memory": "768Mi"}}
}
"""Pods that fit beside each other on a small machine."""
ROLLOUT_SECONDS = 240


@dataclass(frozen=True)
class Story:
    """One ModelDeployment and the client that asks it."""

    kubectl: Kubectl
    namespace: str
    name: str

    @property
    def url(self) -> str:
        """Where clients ask for predictions."""
        return f"http://{self.name}.{self.namespace}.svc/predict"

    @property
    def client(self) -> SteadyClient:
        """The steady client of this story's namespace."""
        return SteadyClient(self.kubectl, self.namespace)

    def apply(self, *, model: Mapping[str, Any] | None = None, **spec: Any) -> None:
        """Apply the ModelDeployment, with parts of its spec replaced."""
        resource = {
            "apiVersion": "leadsman.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": self.name},
            "spec": {
                "model": {"name": self.name, "loading": "Trusted", **(model or {})},
                "serving": SMALL,
                "rollout": QUICK,
                **spec,
            },
        }
        self.kubectl(
            "-n", self.namespace, "apply", "--server-side", "--force-conflicts", "-f", "-",
            stdin=json.dumps(resource),
        )  # fmt: skip

    def lead(self, command: str, *options: str, exits: int = 0) -> str:
        """`kubectl leadsman`, as a person or a CI job calls it; gives what it told on both streams.

        kubectl finds the plugin on the PATH, beside the Python of the tests.
        """
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        result = subprocess.run(
            [
                str(self.kubectl.program), "leadsman", command, self.name, *options,
                "-n", self.namespace, "--kubeconfig", str(self.kubectl.kubeconfig),
            ],
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=ROLLOUT_SECONDS,
            check=False,
        )  # fmt: skip
        told = f"{result.stdout}{result.stderr}"
        assert result.returncode == exits, f"{command}: {told}\n{self.describe()}"
        return told

    def status(self) -> dict[str, Any]:
        """What the operator reports."""
        resource = self.kubectl.get("modeldeployment", self.name, "-n", self.namespace)
        found: dict[str, Any] = resource.get("status", {})
        return found

    def version(self, arm: str) -> int | None:
        """The version that plays a part."""
        found = self.status().get(arm)
        return int(found["version"]) if found else None

    def until(
        self,
        condition: Callable[[dict[str, Any]], object],
        what: str,
        within_seconds: float = ROLLOUT_SECONDS,
    ) -> dict[str, Any]:
        """Wait until the status is as it should be; give it back."""
        seen: dict[str, Any] = {}

        def holds() -> object:
            seen.clear()
            seen.update(self.status())
            return condition(seen)

        try:
            eventually(holds, within_seconds=within_seconds, what=what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.describe()}") from None
        return dict(seen)

    def until_serving(self, version: int) -> dict[str, Any]:
        """Wait until a version carries all of the traffic and is ready."""
        return self.until(
            lambda status: (
                (status.get("stable") or {}).get("version") == version
                and not status.get("candidate")
                and condition(status, "Ready") == "True"
            ),
            f"version {version} serves",
        )

    def until_rolled_back(self, version: int) -> dict[str, Any]:
        """Wait until a version was rolled back and its pods are gone."""
        status = self.until(
            lambda status: (
                status.get("phase") == "RolledBack"
                and any(one["version"] == version for one in status.get("blocked", []))
                and not status.get("candidate")
            ),
            f"version {version} is rolled back",
        )
        # A client that keeps its connection is answered by the pod until it has ended.
        blocked = next(one["name"] for one in status["blocked"] if one["version"] == version)
        eventually(
            lambda: not self.pods_of(blocked),
            within_seconds=90,
            what=f"the pods of version {version} have ended",
        )
        return status

    def counted_anew(self) -> Counted:
        """What the client has counted, at the earliest now: it tells once a second."""
        told_at = self.counted().at
        eventually(
            lambda: self.counted().at >= told_at + 2 * REPORT_SECONDS,
            within_seconds=60,
            what="the client tells what it has counted since",
        )
        return self.counted()

    def pods_of(self, revision: str) -> list[dict[str, Any]]:
        """The pods of a revision, those that end included."""
        found = self.kubectl.get(
            "pods", "-n", self.namespace, "-l", f"leadsman.dev/revision={revision}"
        )
        pods: list[dict[str, Any]] = found["items"]
        return pods

    def more_answers(self, number: int = 100) -> None:
        """Wait until the client has got so many more answers."""
        seen = self.counted().answered
        eventually(
            lambda: self.counted().answered >= seen + number,
            within_seconds=60 + 2 * number / RATE,
            what=f"{number} more answers",
        )

    def counted(self) -> Counted:
        """What the client has counted until now."""
        return self.client.counted()

    def describe(self) -> str:
        """All that helps to understand a story that went wrong."""
        status = self.status()
        pods = self.kubectl("-n", self.namespace, "get", "pods", "-o", "wide")
        history = [f"{one['at']} {one['message']}" for one in status.get("history", [])]
        return "\n".join(
            [
                f"phase {status.get('phase')}: {status.get('message')}",
                *(f"{one['type']}={one['status']} {one['reason']} {one['message']}"
                  for one in status.get("conditions", [])),
                *history, pods, f"client: {self.counted()}",
            ]
        )  # fmt: skip


def has_weight(weight: int) -> Callable[[dict[str, Any]], bool]:
    """Whether a status gives the candidate so many percent."""
    return lambda now: now.get("weight") == weight


def condition(status: Mapping[str, Any], kind: str) -> str | None:
    """Status of a condition."""
    found = {one["type"]: one["status"] for one in status.get("conditions", [])}
    return found.get(kind)


def reason(status: Mapping[str, Any], kind: str) -> str | None:
    """Reason of a condition."""
    found = {one["type"]: one["reason"] for one in status.get("conditions", [])}
    return found.get(kind)
