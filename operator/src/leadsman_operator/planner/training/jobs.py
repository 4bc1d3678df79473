"""What a Job says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from leadsman_api.labels import Annotation
from leadsman_operator.facts import Manifest

DEADLINE_EXCEEDED = "DeadlineExceeded"
"""Kubernetes' own word for a Job whose time is up."""


@dataclass(frozen=True, slots=True)
class Job:
    """One Job, as the API server has it."""

    manifest: Manifest

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.manifest["metadata"]["name"])

    @property
    def uid(self) -> str | None:
        """What tells it from another one of its name."""
        uid: str | None = self.manifest["metadata"].get("uid")
        return uid

    @property
    def is_complete(self) -> bool:
        """It did what it was made for."""
        return self._condition("Complete") is not None

    @property
    def is_failed(self) -> bool:
        """It is given up."""
        return self._condition("Failed") is not None

    @property
    def is_over(self) -> bool:
        """Nothing happens to it any more."""
        return self.is_complete or self.is_failed

    @property
    def is_leaving(self) -> bool:
        """It is being deleted."""
        return "deletionTimestamp" in self.manifest["metadata"]

    @property
    def is_suspended(self) -> bool:
        """It has no pods, by our wish or by the queue's."""
        return bool(self.manifest["spec"].get("suspend", False))

    @property
    def parallelism(self) -> int:
        """Pods that it may have at the same time."""
        return int(self.manifest["spec"].get("parallelism", 1))

    @property
    def completions(self) -> int:
        """Pods that it was made for; a queue may admit fewer of them at a time."""
        return int(self.manifest["spec"].get("completions", 1))

    @property
    def succeeded(self) -> int:
        """Pods of it that did their work."""
        return int(self._status.get("succeeded", 0))

    @property
    def active(self) -> int:
        """Pods of it that are on their way or at work, as its controller counts them."""
        return int(self._status.get("active", 0))

    @property
    def out_of_time(self) -> bool:
        """It was given up because its time is up."""
        failed = self._condition("Failed")
        return failed is not None and failed.get("reason") == DEADLINE_EXCEEDED

    @property
    def complaint(self) -> str:
        """Why it was given up, in Kubernetes' words."""
        failed = self._condition("Failed") or {}
        return str(failed.get("message") or failed.get("reason") or "no reason is known")

    @property
    def trials(self) -> int | None:
        """Trials that it was begun for."""
        annotations: Mapping[str, str] = self.manifest["metadata"].get("annotations", {})
        return _number(annotations.get(Annotation.TRIALS))

    @property
    def waited(self) -> timedelta | None:
        """Time from its creation until its pods might start."""
        return _between(self.manifest["metadata"].get("creationTimestamp"), self._started)

    @property
    def took(self) -> timedelta | None:
        """Time from its start to its end."""
        return _between(self._started, self._ended)

    @property
    def started_at(self) -> datetime | None:
        """When its pods might start."""
        return datetime.fromisoformat(self._started) if self._started else None

    @property
    def ended_at(self) -> datetime | None:
        """When it was over."""
        return datetime.fromisoformat(self._ended) if self._ended else None

    @property
    def _started(self) -> str | None:
        started: str | None = self._status.get("startTime")
        return started

    @property
    def _ended(self) -> str | None:
        over = self._condition("Complete") or self._condition("Failed") or {}
        ended: str | None = self._status.get("completionTime") or over.get("lastTransitionTime")
        return ended

    @property
    def _status(self) -> Mapping[str, Any]:
        status: Mapping[str, Any] = self.manifest.get("status") or {}
        return status

    def _condition(self, kind: str) -> Mapping[str, Any] | None:
        """A condition that holds."""
        for condition in self._status.get("conditions") or ():
            if condition["type"] == kind and condition["status"] == "True":
                found: Mapping[str, Any] = condition
                return found
        return None


def trials_asked_for(config_map: Manifest | None) -> int | None:
    """Trials that the run's pods were last told of; None when nothing says so."""
    if config_map is None:
        return None
    annotations: Mapping[str, str] = config_map["metadata"].get("annotations", {})
    return _number(annotations.get(Annotation.TRIALS))


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _between(begin: str | None, end: str | None) -> timedelta | None:
    if begin is None or end is None:
        return None
    return max(timedelta(0), datetime.fromisoformat(end) - datetime.fromisoformat(begin))
