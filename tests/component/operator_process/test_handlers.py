"""The real kopf against an API server in memory, around a reconcile that is scripted."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from leadsman_api.labels import FINALIZER
from leadsman_operator.handlers.framework import run_kopf
from leadsman_operator.handlers.registry import create_registry
from leadsman_operator.loops import Loops
from leadsman_operator.reconcile import Reconciled
from support.kubernetes_api import KubernetesApi
from support.reconciles import CHURN, Heard, ScriptedReconcile, gone, quiet
from support.virtual_time import pass_time

PLURAL = "modeldeployments"
RESOURCE: dict[str, Any] = {
    "apiVersion": "leadsman.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "churn", "namespace": "ml"},
    "spec": {"model": {"name": "churn-model", "alias": "champion"}},
}
PATIENCE_SECONDS = 20


@dataclass
class Operator:
    """kopf with our handlers, its API server, and what the loops did."""

    api: KubernetesApi
    loops: Loops
    reconcile: ScriptedReconcile
    heard: Heard

    @property
    def stored(self) -> dict[str, Any] | None:
        """The resource as the API server has it."""
        return self.api.objects.get((PLURAL, "ml", "churn"))

    @property
    def metadata(self) -> dict[str, Any]:
        """Its metadata."""
        assert self.stored is not None
        found: dict[str, Any] = self.stored["metadata"]
        return found


async def until(condition: Callable[[], object], what: str) -> float:
    """Wait in real time; return how many seconds it took."""
    began = asyncio.get_running_loop().time()
    while not condition():
        elapsed = asyncio.get_running_loop().time() - began
        assert elapsed < PATIENCE_SECONDS, f"not within {PATIENCE_SECONDS} s: {what}"
        await pass_time(0.01)
    return asyncio.get_running_loop().time() - began


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs a story while kopf runs."""

    def run_story(
        story: Callable[[Operator], Awaitable[None]],
        *answers: Callable[..., Reconciled],
        before: Callable[[KubernetesApi], object] = lambda _: None,
    ) -> None:
        api = KubernetesApi()
        before(api)

        async def whole() -> None:
            reconcile, heard = ScriptedReconcile(list(answers)), Heard()
            loops = Loops(reconcile, heard, at_once=8, longest_seconds=60)
            stop = asyncio.Event()
            kopf = asyncio.create_task(run_kopf(create_registry(loops), (), stop, lambda: None))
            try:
                await story(Operator(api, loops, reconcile, heard))
            finally:
                stop.set()
                await kopf

        with api.serve():
            config = api.write_kubeconfig(tmp_path / "kubeconfig")
            monkeypatch.setitem(os.environ, "KUBECONFIG", str(config))
            asyncio.run(whole())

    return run_story


def test_a_resource_gets_a_finalizer_and_then_a_loop(run: Callable[..., None]) -> None:
    """Nothing is done for a resource that could vanish meanwhile; nothing else is written on it."""

    async def story(operator: Operator) -> None:
        operator.api.create(PLURAL, RESOURCE)
        await until(lambda: operator.reconcile.asked, "it is reconciled")

        assert operator.metadata["finalizers"] == [FINALIZER]
        assert "annotations" not in operator.metadata
        assert "status" not in (operator.stored or {})

    run(story, quiet())


def test_a_change_wakes_the_loop(run: Callable[..., None]) -> None:
    """And so does news of its model."""

    async def story(operator: Operator) -> None:
        operator.api.create(PLURAL, RESOURCE)
        await until(lambda: operator.reconcile.asked, "it is reconciled")
        before = len(operator.reconcile.asked)
        operator.api.change(PLURAL, "churn", {"spec": {"model": {"version": 3}}})
        await until(lambda: len(operator.reconcile.asked) == before + 1, "the change woke it")
        operator.loops.wake_model("churn-model")
        await until(lambda: len(operator.reconcile.asked) == before + 2, "the model woke it")
        operator.loops.wake(CHURN)
        await until(lambda: len(operator.reconcile.asked) == before + 3, "what it owns woke it")

    run(story, quiet())


def test_resources_that_were_there_before_are_reconciled(run: Callable[..., None]) -> None:
    """After a restart everything is looked at anew."""

    async def story(operator: Operator) -> None:
        await until(lambda: operator.reconcile.asked, "it is reconciled")

    run(story, quiet(), before=lambda api: api.create(PLURAL, RESOURCE))


def test_the_deletion_of_an_idle_resource_is_quick(run: Callable[..., None]) -> None:
    """Half a second at most, although its loop slept for an hour."""

    async def story(operator: Operator) -> None:
        operator.api.create(PLURAL, RESOURCE)
        await until(lambda: operator.reconcile.asked, "it is reconciled")
        operator.reconcile.answers[:] = [gone()]
        operator.api.delete(PLURAL, "churn")

        assert await until(lambda: operator.stored is None, "it is gone") < 0.5
        await until(lambda: operator.heard.left, "its loop is forgotten")
        assert not any(
            call.startswith("patch modeldeployments/status") for call in operator.api.calls
        )

    run(story, quiet(3600))


def test_a_resource_stays_until_all_that_belongs_to_it_is_gone(run: Callable[..., None]) -> None:
    """The loop goes on while it is being deleted, and only its end lets the finalizer go."""

    async def story(operator: Operator) -> None:
        operator.api.create(PLURAL, RESOURCE)
        await until(lambda: operator.reconcile.asked, "it is reconciled")
        operator.reconcile.answers[:] = [quiet(0.1)] * 5 + [gone()]
        before = len(operator.reconcile.asked)
        operator.api.delete(PLURAL, "churn")
        await until(lambda: len(operator.reconcile.asked) >= before + 4, "it goes on")
        assert operator.metadata["finalizers"] == [FINALIZER]

        await until(lambda: operator.stored is None, "it is gone")
        assert operator.reconcile.most_running == 1

    run(story, quiet(3600))


def test_a_deletion_that_a_restart_interrupted_is_carried_on(run: Callable[..., None]) -> None:
    """A resource on its way out is reconciled to its end too, before its finalizer goes."""

    def before(api: KubernetesApi) -> None:
        leaving = {"finalizers": [FINALIZER], "deletionTimestamp": "2026-01-01T00:00:00Z"}
        api.create(PLURAL, {**RESOURCE, "metadata": {**RESOURCE["metadata"], **leaving}})

    async def story(operator: Operator) -> None:
        await until(lambda: operator.stored is None, "it is gone")
        assert len(operator.reconcile.asked) == 3

    run(story, quiet(0.1), quiet(0.1), gone(), before=before)


def test_a_finalizer_that_somebody_took_away_ends_the_loop(run: Callable[..., None]) -> None:
    """The loop notices that nothing is there."""

    async def story(operator: Operator) -> None:
        operator.api.create(PLURAL, RESOURCE)
        await until(lambda: operator.reconcile.asked, "it is reconciled")
        operator.api.delete(PLURAL, "churn")
        operator.reconcile.answers[:] = [gone()]
        operator.api.change(PLURAL, "churn", {"metadata": {"finalizers": None}})

        await until(lambda: operator.heard.left, "its loop has ended")

    run(story, quiet())


def test_one_that_comes_back_under_the_same_name_has_a_loop_again(
    run: Callable[..., None],
) -> None:
    """Deleted and made anew, as tools that replace resources do."""

    async def story(operator: Operator) -> None:
        for _ in range(2):
            operator.reconcile.answers[:] = [quiet()]
            before = len(operator.reconcile.asked)
            operator.api.create(PLURAL, RESOURCE)
            await until(lambda: len(operator.reconcile.asked) > before, "it is reconciled")  # noqa: B023
            operator.reconcile.answers[:] = [gone()]
            operator.api.delete(PLURAL, "churn")
            await until(lambda: operator.stored is None, "it is gone")

    run(story, quiet())


def test_it_ends_soon_and_leaves_the_finalizers(run: Callable[..., None]) -> None:
    """Stopping the operator deletes nothing, and takes far less than a pod's grace period."""
    operators: list[Operator] = []
    stopped_at: list[float] = []

    async def story(operator: Operator) -> None:
        operator.api.create(PLURAL, RESOURCE)
        await until(lambda: operator.reconcile.asked, "it is reconciled")
        operators.append(operator)
        stopped_at.append(time.monotonic())

    run(story, quiet(3600))

    assert time.monotonic() - stopped_at[0] < 3
    assert operators[0].metadata["finalizers"] == [FINALIZER]
    assert operators[0].reconcile.running == 0


def test_only_what_the_chart_allows_is_asked(run: Callable[..., None]) -> None:
    """By kopf: it lists, watches and patches the two kinds, and nothing else."""

    async def story(operator: Operator) -> None:
        operator.api.create(PLURAL, RESOURCE)
        await until(lambda: operator.reconcile.asked, "it is reconciled")
        kinds = (PLURAL, "trainingruns")
        allowed = {f"{verb} {kind}" for verb in ("list", "watch", "patch") for kind in kinds}

        assert set(operator.api.calls) <= allowed

    run(story, quiet())
