"""One log line for each plan that did something; of what is as it was nothing is said."""

from __future__ import annotations

import logging
from typing import Any

from leadsman_operator.facts import ObjectRef
from leadsman_operator.planner.plan import (
    Action,
    ApplyObject,
    DeleteObject,
    EndRun,
    EnqueueTrial,
    EnsureRun,
    FailTrial,
    PatchObject,
    ScaleObject,
    SetAlias,
    TagVersion,
)
from leadsman_operator.reconcile import Reconciled

_DEEDS: dict[type[Action], str] = {
    ApplyObject: "apply {0.manifest[kind]}/{0.manifest[metadata][name]}",
    DeleteObject: "delete {0.ref}",
    ScaleObject: "scale {0.ref} to {0.replicas}",
    PatchObject: "patch {0.ref}",
    SetAlias: "set alias {0.model}@{0.alias} to {0.version}",
    TagVersion: "tag {0.model}/{0.version}",
    EnsureRun: "make run {0.name}",
    EndRun: "end run {0.run_id} as {0.status}",
    FailTrial: "fail trial {0.number}",
    EnqueueTrial: "enqueue a trial",
}


def title(ref: ObjectRef) -> str:
    """A resource as logs call it."""
    return f"{ref.kind} {ref.namespace}/{ref.name}"


class PlanLog:
    """Tells what changed, and each failure when it begins, not each time it comes back."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._failing: dict[ObjectRef, str] = {}

    def reconciled(self, ref: ObjectRef, outcome: Reconciled, seconds: float) -> None:
        """A reconcile has ended, perhaps with an error that was foreseen."""
        if outcome.error is not None:
            what = f"{outcome.error.reason}: {outcome.error.message}"
            # By its reason: servers say the same thing in many words.
            self._failed(ref, outcome.error.reason, what)
        elif self._failing.pop(ref, None):
            self._logger.info("Works again.", extra={"resource": title(ref)})
        fields = _fields(outcome)
        if fields:
            extra = {"resource": title(ref), **fields, "seconds": round(seconds, 3)}
            self._logger.info("Reconciled.", extra=extra)

    def failed(self, ref: ObjectRef, error: Exception) -> None:
        """A reconcile has ended in a way that nobody foresaw."""
        self._failed(ref, repr(error), "a bug", error)

    def gone(self, ref: ObjectRef) -> None:
        """The resource is no more."""
        self._failing.pop(ref, None)

    def _failed(self, ref: ObjectRef, key: str, what: str, error: Exception | None = None) -> None:
        if self._failing.get(ref) == key:
            return
        self._failing[ref] = key
        self._logger.log(
            logging.WARNING if error is None else logging.ERROR,
            "Can't go on, and will try again: %s",
            what,
            exc_info=error,
            extra={"resource": title(ref)},
        )


def _fields(outcome: Reconciled) -> dict[str, Any]:
    """What the plan did; empty when it did nothing that a person wants to read."""
    fields: dict[str, Any] = {}
    if outcome.actions:
        fields["actions"] = [describe(action) for action in outcome.actions]
    if outcome.events:
        fields["events"] = [f"{event.reason}: {event.message}" for event in outcome.events]
    before = outcome.before.phase if outcome.before else None
    after = outcome.after.phase if outcome.after else None
    if before != after:
        fields["phase"] = f"{before or 'none'} -> {after or 'none'}"
    elif fields and after:
        fields["phase"] = str(after)
    return fields


def describe(action: Action) -> str:
    """An action and why, in one line."""
    return f"{_DEEDS[type(action)].format(action)}: {action.because}"
