"""The loop of a resource: when it reconciles, how it waits, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from typing_extensions import override

from leadsman_api.reasons import Reason
from leadsman_operator.errors import Conflict, Unreachable
from leadsman_operator.facts import ObjectRef
from leadsman_operator.loops import FIRST_WORD_SECONDS, Loops, backoff_seconds
from leadsman_operator.reconcile import Reconciled
from support.reconciles import CHURN, FRAUD, Heard, ScriptedReconcile, gone, quiet
from support.virtual_time import pass_time, run_in_virtual_time

UNREACHABLE = Unreachable(Reason.REGISTRY_UNREACHABLE, "no answer")
CONFLICT = Conflict(Reason.CLUSTER_UNREACHABLE, "it has changed")

Story = Callable[[Loops], Awaitable[None]]


def tell(
    reconcile: ScriptedReconcile, story: Story, at_once: int = 8, heard: Heard | None = None
) -> Heard:
    """Run a story with loops that reconcile as scripted, without chance."""
    reporter = heard or Heard()

    async def whole() -> None:
        loops = Loops(reconcile, reporter, at_once=at_once, longest_seconds=100, chance=lambda: 0.0)
        await story(loops)

    run_in_virtual_time(whole())
    return reporter


async def run_for(loops: Loops, seconds: float) -> None:
    """Keep the loop of one resource for a while, woken at once."""
    loops.exists(CHURN, "churn")
    loops.wake(CHURN)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await loops.run(CHURN)


def test_it_looks_again_when_the_plan_says_so() -> None:
    """Without news the plan's own time decides."""
    reconcile = ScriptedReconcile([quiet(30)])

    tell(reconcile, lambda loops: run_for(loops, 100))

    assert reconcile.times == [0.0, 30.0, 60.0, 90.0]


def test_without_a_time_only_news_wake_it() -> None:
    """A plan that waits for nothing costs nothing."""
    reconcile = ScriptedReconcile([quiet()])

    async def story(loops: Loops) -> None:
        running = asyncio.create_task(run_for(loops, 10_000))
        await pass_time(5000)
        loops.wake(CHURN)
        await running

    tell(reconcile, story)

    assert reconcile.times == [0.0, 5000.0]


def test_a_plan_that_wants_to_go_on_at_once_does_not_run_hot() -> None:
    """Steps follow each other closely, and still leave time for others."""
    reconcile = ScriptedReconcile([quiet(0)])

    tell(reconcile, lambda loops: run_for(loops, 0.99))

    assert len(reconcile.asked) == 20


def test_a_new_loop_waits_for_the_word_that_it_may_begin() -> None:
    """Nothing is made before the finalizer is there; a word that is lost costs seconds."""
    reconcile = ScriptedReconcile([gone()])

    tell(reconcile, lambda loops: loops.run(CHURN))

    assert reconcile.times == [FIRST_WORD_SECONDS]


def test_news_during_a_reconcile_are_not_lost() -> None:
    """What was observed may be older than the news: it is observed again."""
    reconcile = ScriptedReconcile([quiet()], takes_seconds=2)

    async def story(loops: Loops) -> None:
        running = asyncio.create_task(run_for(loops, 100))
        await pass_time(1)
        loops.wake(CHURN)
        await running

    tell(reconcile, story)

    assert reconcile.times == [0.0, 2.0]


def test_news_of_a_model_wake_the_resources_that_are_about_it() -> None:
    """And no others."""
    reconcile = ScriptedReconcile([quiet()])

    async def story(loops: Loops) -> None:
        loops.exists(FRAUD, "fraud")
        running = asyncio.create_task(run_for(loops, 100))
        other = asyncio.create_task(loops.run(FRAUD))
        await pass_time(20)
        loops.wake_model("churn")
        await running
        other.cancel()

    tell(reconcile, story)

    assert [(round(at), name) for at, name in reconcile.asked] == [
        (0, "churn"), (5, "fraud"), (20, "churn"),
    ]  # fmt: skip


def test_failures_are_tried_again_ever_later() -> None:
    """An error that lasts costs ever less."""
    reconcile = ScriptedReconcile([lambda ref: Reconciled(ref, error=UNREACHABLE)])

    heard = tell(reconcile, lambda loops: run_for(loops, 190))

    assert reconcile.times == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 123.0, 183.0]
    assert {outcome.error for outcome in heard.outcomes} == {UNREACHABLE}


def test_a_success_ends_the_series_of_failures() -> None:
    """The next failure is tried again soon."""
    fails = lambda ref: Reconciled(ref, error=UNREACHABLE)  # noqa: E731
    reconcile = ScriptedReconcile([fails, fails, quiet(10), fails, quiet()])

    tell(reconcile, lambda loops: run_for(loops, 100))

    assert reconcile.times == [0.0, 1.0, 3.0, 13.0, 14.0]


def test_a_conflict_is_tried_again_almost_at_once() -> None:
    """Somebody else was faster: what they wrote is read, and that is all."""
    reconcile = ScriptedReconcile([lambda ref: Reconciled(ref, error=CONFLICT), quiet()])

    tell(reconcile, lambda loops: run_for(loops, 10))

    assert reconcile.times == [0.0, 0.1]


def test_news_shorten_the_wait_after_failures() -> None:
    """A spec that was put right is tried at once, but a flood of news does not run hot."""
    reconcile = ScriptedReconcile([lambda ref: Reconciled(ref, error=UNREACHABLE)])

    async def story(loops: Loops) -> None:
        running = asyncio.create_task(run_for(loops, 10))
        for _ in range(100):
            await pass_time(0.1)
            loops.wake(CHURN)
        await running

    tell(reconcile, story)

    assert reconcile.times[:3] == [0.0, 1.0, 2.0]
    assert len(reconcile.asked) <= 11


def test_a_bug_is_reported_and_tried_again() -> None:
    """No exception ends a loop."""
    reconcile = ScriptedReconcile([KeyError("a"), quiet()])

    heard = tell(reconcile, lambda loops: run_for(loops, 10))

    assert [repr(error) for error in heard.errors] == ["KeyError('a')"]
    assert reconcile.times == [0.0, 1.0]


def test_a_reconcile_that_never_ends_is_given_up() -> None:
    """It is reported like a bug, and its place is free again."""
    reconcile = ScriptedReconcile([quiet()], takes_seconds=10_000)

    heard = tell(reconcile, lambda loops: run_for(loops, 250))

    assert [type(error) for error in heard.errors] == [TimeoutError] * 2
    assert len(reconcile.asked) == 3


def test_a_reconcile_that_is_cancelled_from_within_is_a_failure() -> None:
    """It must not look as if the operator ended, or the finalizer would go."""
    reconcile = ScriptedReconcile([asyncio.CancelledError(), quiet()])

    heard = tell(reconcile, lambda loops: run_for(loops, 10))

    assert [type(error) for error in heard.errors] == [RuntimeError]
    assert reconcile.times == [0.0, 1.0]


def test_a_reporter_with_a_bug_ends_no_loop() -> None:
    """Kopf would let the finalizer of a resource go whose loop has ended."""

    class Broken(Heard):
        @override
        async def reconciled(self, ref: ObjectRef, outcome: Reconciled, seconds: float) -> None:
            raise ZeroDivisionError(f"{ref} {outcome.gone} {seconds}")

        @override
        async def failed(self, ref: ObjectRef, error: Exception) -> None:
            await super().failed(ref, error)
            raise error

    reconcile = ScriptedReconcile([gone()])
    heard = tell(reconcile, lambda loops: run_for(loops, 10), heard=Broken())

    assert {type(error) for error in heard.errors} == {ZeroDivisionError}
    assert reconcile.times == [0.0, 1.0, 3.0, 7.0]


def test_only_so_many_reconciles_run_at_once() -> None:
    """And no two of one resource."""
    reconcile = ScriptedReconcile([gone()], takes_seconds=1)

    async def story(loops: Loops) -> None:
        names = [CHURN.__class__(CHURN.api_version, CHURN.kind, "ml", f"m{n}") for n in range(9)]
        await asyncio.gather(*(loops.run(name, within_seconds=0) for name in names))

    tell(reconcile, story, at_once=3)

    assert reconcile.most_running == 3
    assert reconcile.times == [0.0] * 3 + [1.0] * 3 + [2.0] * 3


def test_it_ends_when_the_resource_is_gone() -> None:
    """And nothing of it is kept."""
    reconcile = ScriptedReconcile([quiet(1), gone()])

    async def story(loops: Loops) -> None:
        await loops.run(CHURN, within_seconds=0)
        assert loops.stuck_seconds == 0

    heard = tell(reconcile, story)

    assert heard.left == [CHURN]


def test_a_second_caller_waits_and_makes_sure() -> None:
    """A deletion is over when somebody who came after it was asked for has seen it."""
    reconcile = ScriptedReconcile([quiet(), gone()], takes_seconds=0.1)

    async def story(loops: Loops) -> None:
        loops.exists(CHURN, "churn")
        loops.wake(CHURN)
        first = asyncio.create_task(loops.run(CHURN))
        await pass_time(10)
        loops.wake(CHURN)
        await loops.run(CHURN, within_seconds=0)
        assert first.done()
        await first

    heard = tell(reconcile, story)

    assert reconcile.times == [0.0, 10.0, 10.1]
    assert reconcile.most_running == 1
    assert heard.left == [CHURN]


def test_what_nobody_keeps_is_forgotten_with_its_resource() -> None:
    """An event of a resource without a loop leaves nothing behind."""
    heard = Heard()

    async def story(loops: Loops) -> None:
        loops.wake(CHURN)
        loops.lost(CHURN)
        loops.exists(CHURN, "churn")
        loops.lost(CHURN)

    tell(ScriptedReconcile([quiet()]), story, heard=heard)

    assert heard.left == [CHURN]


def test_a_resource_that_was_lost_wakes_its_loop() -> None:
    """The loop finds out by itself that nothing is there."""
    reconcile = ScriptedReconcile([quiet(), gone()])

    async def story(loops: Loops) -> None:
        loops.exists(CHURN, "churn")
        loops.wake(CHURN)
        running = asyncio.create_task(loops.run(CHURN))
        await pass_time(10)
        loops.lost(CHURN)
        await running

    tell(reconcile, story)

    assert reconcile.times == [0.0, 10.0]


def test_when_the_operator_ends_a_quick_reconcile_comes_to_its_end() -> None:
    """What was begun is finished, if it takes no more than seconds."""
    reconcile = ScriptedReconcile([quiet()], takes_seconds=3)

    async def story(loops: Loops) -> None:
        running = asyncio.create_task(loops.run(CHURN, within_seconds=0))
        await pass_time(1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert asyncio.get_running_loop().time() == pytest.approx(3)

    tell(reconcile, story)


def test_reconciles_that_hang_together_are_seen() -> None:
    """Liveness asks for how long none has ended."""
    reconcile = ScriptedReconcile([quiet()], takes_seconds=10_000)

    async def story(loops: Loops) -> None:
        running = asyncio.create_task(loops.run(CHURN, within_seconds=0))
        assert loops.stuck_seconds == 0
        await pass_time(60)
        assert loops.stuck_seconds == pytest.approx(60)
        running.cancel()

    tell(reconcile, story)


@pytest.mark.parametrize(
    ("failures", "chance", "seconds"),
    [(0, 0.0, 1.0), (0, 1.0, 1.0), (1, 0.0, 2.0), (1, 1.0, 1.5), (5, 0.5, 28.0), (6, 0.0, 60.0),
     (9, 1.0, 45.0), (10_000, 0.0, 60.0)],
)  # fmt: skip
def test_the_wait_doubles_up_to_a_minute(failures: int, chance: float, seconds: float) -> None:
    """Chance takes up to a quarter off, never below the shortest."""
    assert backoff_seconds(failures, chance) == pytest.approx(seconds)
