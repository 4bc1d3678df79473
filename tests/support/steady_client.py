"""The steady client of the demo as a pod: it asks a Service and counts every answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml
from sklearn.datasets import load_breast_cancer

from support.kubectl import Kubectl
from support.repository import ROOT
from support.waiting import eventually

NAME = "steady-client"
RATE = 20.0
"""Requests a second, where a story does not ask for more."""
REPORT_SECONDS = 1.0
_DEMO = ROOT / "examples" / "demo"


@dataclass(frozen=True)
class Counted:
    """What the client has counted since it began."""

    at: float = 0.0
    sent: int = 0
    answered: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    failed_by_version: Mapping[str, int] = field(default_factory=dict)
    failures: Sequence[Mapping[str, Any]] = ()
    opened: int = 0
    """Connections that were to stay open."""
    closed: int = 0
    """Answers on those that said that the connection ends."""

    @property
    def failures_in_all(self) -> int:
        """Requests without a prediction."""
        return sum(self.failed.values())

    def of_version(self, version: int) -> int:
        """Answers of a version, failures included."""
        name = str(version)
        return self.versions.get(name, 0) + self.failed_by_version.get(name, 0)


def rows(number: int = 200) -> list[dict[str, float]]:
    """The first rows of the data that the stories' models know, by the names of the columns."""
    features = load_breast_cancer(as_frame=True)["data"]
    found: list[dict[str, float]] = features.head(number).to_dict("records")
    return found


def bodies() -> str:
    """Requests for single rows of the data, one JSON body a line."""
    return "\n".join(json.dumps({"features": row}) for row in rows())


class SteadyClient:
    """One pod that asks at a steady rate."""

    def __init__(self, kubectl: Kubectl, namespace: str) -> None:
        """Say where it runs."""
        self._kubectl, self._namespace = kubectl, namespace

    def start(self, url: str, rate: float = RATE, *, kept: int = 10, fresh: float = 0.5) -> None:
        """Start asking; returns once the first answers are counted.

        So many connections are kept, and a share of the requests opens one of its own.
        """
        files = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME},
            "data": {
                "steady_client.py": (_DEMO / "steady_client.py").read_text(),
                "bodies": bodies(),
                "url": url,
                "rate": str(rate),
                "kept": str(kept),
                "fresh": str(fresh),
            },
        }
        pod = yaml.safe_load((_DEMO / "steady-client.yaml").read_text())
        self._kubectl.apply(files, pod, namespace=self._namespace)
        eventually(
            lambda: self.counted().answered > 0,
            within_seconds=90,
            what=f"the steady client gets answers from {url}: {self.counted()}",
        )

    def counted(self) -> Counted:
        """What it has counted until now."""
        result = self._kubectl.attempt("-n", self._namespace, "logs", NAME, "--tail=50")
        told = _told(result.stdout)
        return told[-1] if told and not result.returncode else Counted()

    def reports(self) -> list[Counted]:
        """All that it has told since it began, a report a second."""
        return _told(self._kubectl("-n", self._namespace, "logs", NAME))

    def stop(self) -> Counted:
        """Stop asking and give the last count, with every request that was sent decided."""
        self._kubectl("-n", self._namespace, "exec", NAME, "--", "python", "-c", _STOP)
        eventually(
            lambda: self._phase() == "Succeeded",
            within_seconds=60,
            what="the steady client ends after its last answers",
        )
        counted = self.counted()
        assert counted.sent == counted.answered + counted.failures_in_all > 0, counted
        return counted

    def _phase(self) -> str:
        return str(self._kubectl.get("pod", NAME, "-n", self._namespace)["status"]["phase"])


def _told(log: str) -> list[Counted]:
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    fields = Counted.__dataclass_fields__
    return [Counted(**{name: line[name] for name in fields}) for line in lines]


_STOP = "import os, signal; os.kill(1, signal.SIGTERM)"
