"""A week of a TrainingRun with a schedule, told look by look."""

from __future__ import annotations

import asyncio

from support.golden import Golden
from support.world_schedule import ScheduleSimulation


def test_a_week_of_nights(golden: Golden) -> None:
    """A good night, one that takes too long, a pause, an operator that was away, an edit."""
    sim = ScheduleSimulation(
        cron="0 3 * * *", timeZone="Europe/Berlin", startingDeadline="6h",
        successfulHistoryLimit=1,
    )  # fmt: skip
    go_on(sim, hours=15)
    sim.becomes(sim.cluster.runs[-1], "Searching")
    go_on(sim, hours=1)
    sim.becomes(sim.cluster.runs[-1], "Succeeded")
    go_on(sim, hours=24)
    sim.becomes(sim.cluster.runs[-1], "Searching")
    go_on(sim, hours=24)
    sim.becomes(sim.cluster.runs[-1], "Succeeded")
    go_on(sim, hours=1)
    sim.cluster.let_go()
    sim.edit(suspend=True)
    go_on(sim, hours=24)
    sim.edit(suspend=False)
    go_on(sim, hours=1)
    sim.tell("-- the operator is away for two days and a quarter")
    sim.away(hours=54)
    go_on(sim, minutes=1)
    sim.edit(schedule={"cron": "0 5 * * *"})
    go_on(sim, minutes=1)
    sim.tell("-- the operator is away for two nights")
    sim.away(hours=45)
    go_on(sim, minutes=1)
    sim.becomes(sim.cluster.runs[-1], "Rejected")
    sim.edit(schedule={"timeZone": "Europe/Atlantis"})
    go_on(sim, minutes=1)
    history = [f"{one['at']} {one['reason']}: {one['message']}" for one in sim.status["history"]]
    conditions = [f"{one['type']}={one['status']}" for one in sim.status["conditions"]]
    parts = [*sim.story, "", "History:", *history, "", "Conditions:", *conditions]
    golden.check("training_schedule_week.txt", "\n".join(parts))


def go_on(sim: ScheduleSimulation, **span: float) -> None:
    """Time passes with the operator at work."""
    asyncio.run(sim.advance(**span))
