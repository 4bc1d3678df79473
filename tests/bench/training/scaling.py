"""How much more several workers get done than one, on trials that sleep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial

from bench.training.stage import OURS, Stage
from leadsman_api.studies import TrialAttribute

WORKERS = 4
_SPEC: dict[str, Any] = {
    "data": {"source": {"uri": "sklearn://iris"}, "target": "target"},
    "objective": {"metric": "accuracy"},
    "trainer": {"entrypoint": "bench.training.trials:sleeping"},
}


def trials_per_second(stage: Stage, number: int, trials: int, workers: int) -> float:
    """The pace of a search of so many trials a worker, while all of its workers are at work."""
    search = {"trials": trials * workers, "parallelism": workers, "pruner": "None"}
    name = f"scaling-{workers}-{number}"
    done = stage.search(name, {**_SPEC, "search": search}, OURS, workers)
    if len(done) != trials * workers:
        raise RuntimeError(f"{len(done)} trials were run in place of {trials * workers}")
    return pace(done)


def pace(trials: Sequence[FrozenTrial]) -> float:
    """Sum of the workers' trials per second, each from start to start.

    Counted from when the last of them had begun to when the first of them began its last trial:
    pods start one after the other, and that is another question.
    """
    starts: dict[str, list[float]] = {}
    for trial in trials:
        if trial.datetime_start is not None:
            pod = str(trial.user_attrs[TrialAttribute.POD_UID])
            starts.setdefault(pod, []).append(trial.datetime_start.timestamp())
    begin = max(min(of_pod) for of_pod in starts.values())
    end = min(max(of_pod) for of_pod in starts.values())
    together = [sorted(at for at in of_pod if begin <= at <= end) for of_pod in starts.values()]
    return sum((len(at) - 1) / (at[-1] - at[0]) for at in together)
