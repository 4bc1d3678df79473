"""A reconcile that does what a test tells it, and a reporter that remembers what it heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from leadsman_operator.facts import ObjectRef
from leadsman_operator.reconcile import Reconciled
from support.virtual_time import pass_time

__all__ = ["CHURN", "FRAUD", "Heard", "ScriptedReconcile", "gone", "quiet"]

CHURN = ObjectRef("leadsman.dev/v1alpha1", "ModelDeployment", "ml", "churn")
FRAUD = ObjectRef("leadsman.dev/v1alpha1", "ModelDeployment", "ml", "fraud")

Answer = Callable[[ObjectRef], Reconciled]


def quiet(seconds: float | None = None) -> Answer:
    """Nothing to do, and when to look again."""
    after = None if seconds is None else timedelta(seconds=seconds)
    return lambda ref: Reconciled(ref, look_again_in=after)


def gone() -> Answer:
    """The resource is no more."""
    return lambda ref: Reconciled(ref, gone=True)


@dataclass
class ScriptedReconcile:
    """Answers one after the other, the last one for ever; remembers when it was asked."""

    answers: list[Answer | BaseException]
    takes_seconds: float = 0.0
    asked: list[tuple[float, str]] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    async def __call__(self, ref: ObjectRef) -> Reconciled:
        """One reconcile."""
        self.asked.append((asyncio.get_running_loop().time(), ref.name))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await pass_time(self.takes_seconds)
        finally:
            self.running -= 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer(ref)

    @property
    def times(self) -> list[float]:
        """When it was asked, in tenths of seconds."""
        return [round(at, 1) for at, _ in self.asked]


@dataclass
class Heard:
    """What a reporter was told."""

    outcomes: list[Reconciled] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    left: list[ObjectRef] = field(default_factory=list)

    async def reconciled(self, ref: ObjectRef, outcome: Reconciled, seconds: float) -> None:
        """One has ended, perhaps with an error that was foreseen."""
        assert ref == outcome.ref
        assert seconds >= 0
        self.outcomes.append(outcome)

    async def failed(self, ref: ObjectRef, error: Exception) -> None:
        """One has ended in a way that nobody foresaw."""
        assert ref.name
        self.errors.append(error)

    def gone(self, ref: ObjectRef) -> None:
        """The resource is no more."""
        self.left.append(ref)
