"""The page of the benchmark of training, docs/benchmarks/training.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from bench.training.bars import Bar, Measured, in_words
from bench.training.looks import LOOKS, PARAMETERS, WORKERS
from bench.training.overhead import Round
from bench.training.trials import SLEEP_SECONDS

_HEAD = """\
# Training, what it costs

What our worker adds to a trial, how far several workers get, and what the operator does while a
study grows. `make bench-training` measures and writes this page; it takes about 15 minutes of two
shared cores.

## What is promised

| what | promised | measured |  |
|---|---|---|---|"""
_OVERHEAD = """\
## A trial with our worker, and with bare Optuna

Both search with the same sampler, pruner, seed and trainer, and with their study in the same
PostgreSQL, in a process of their own and one after the other; a run is thrown away if they did not
try the same parameters with the same values. Milliseconds from the start of a trial to that of the
next, medians of a search of {trials} trials; then the median over {rounds} rounds, and in brackets
the lowest and the highest. Who begins changes from round to round.

| trial | ours | bare Optuna | overhead |
|---|---|---|---|"""
_LEFT_OUT = """\
What bare Optuna leaves out, and what the difference pays for:

- a run of MLflow for each trial, with parameters, metrics, intermediate values and its end: two
  requests before the trial and two after it, to a real server of one process on the same two cores
  whose database is a file
- the budget among all workers: `n_trials` of Optuna is for each worker alone. Ours asks for a trial
  under a lock of the database, when the trials of all are fewer than were asked for
- whose trial it is and which run, on the trial: so a pod that dies loses exactly its own trial
- the ends of a search: goal, patience, time, failures

PostgreSQL writes without fsync here, for both; a real one adds to each of the commits, of which we
have three more a trial.
"""
_SCALING = """\
## Workers side by side

Trials that sleep for {sleep:g} s, report three values and end; real processes, one study in
PostgreSQL and one MLflow. Trials per second while all workers are at work.

| workers | trials/s, each round | median | times one worker |
|---|---|---|---|"""
_LOOKS = """\
## The operator while a study grows

The operator's own reconcile with its own adapter of studies on PostgreSQL; the cluster around it is
simulated. {workers} workers are at work, each trial has {parameters} parameters, and before each
of {looks} looks one trial ends and the next begins. The operator looks at a search every 10
seconds. With two objectives the one is had for the other, so that many trials are on the Pareto
front, of which the status shows 20. The first look is that of an operator that has just started,
in milliseconds of CPU too; the status and the whole TrainingRun are counted in bytes of JSON.

| study | trials | CPU of a look, ms | of a core | of the first look | status | whole |
|---|---|---|---|---|---|---|"""
_EVERY_MS = 10_000


def page(measured: Measured, bars: Sequence[Bar], trials: int, about: str) -> str:
    """All of it; `trials` are those of a search, `about` says where it was measured."""
    parts = (
        _promises(bars),
        _overhead(measured, trials),
        _scaling(measured),
        _looks(measured),
        _missing(measured),
        (f"Measured on {about}.", ""),
    )
    return "\n".join(line for part in parts for line in part)


def _promises(bars: Sequence[Bar]) -> Iterator[str]:
    yield _HEAD
    for bar in bars:
        verdict = "kept" if bar.holds else "**missed**"
        yield f"| {bar.what} | {bar.promised} | {bar.found} | {verdict} |"
    yield ""


def _overhead(measured: Measured, trials: int) -> Iterator[str]:
    if not measured.overhead:
        return
    rounds = max(map(len, measured.overhead.values()))
    yield _OVERHEAD.format(trials=trials, rounds=rounds)
    for name, found in measured.overhead.items():
        yield f"| {name} | {' | '.join(_cells(found))} |"
    yield f"\n{_LEFT_OUT}"


def _missing(measured: Measured) -> Iterator[str]:
    parts = {
        "a trial beside bare Optuna": measured.overhead,
        "workers side by side": measured.paces,
        "the operator's looks": measured.looks,
    }
    left_out = [name for name, found in parts.items() if not found]
    if left_out:
        yield f"Not measured in this run: {', '.join(left_out)}.\n"


def _cells(rounds: Sequence[Round]) -> Iterator[str]:
    for values in (
        [one.ours for one in rounds],
        [one.bare for one in rounds],
        [one.overhead for one in rounds],
    ):
        yield f"{median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def _scaling(measured: Measured) -> Iterator[str]:
    if not measured.paces:
        return
    yield _SCALING.format(sleep=SLEEP_SECONDS)
    one = median(measured.paces[min(measured.paces)])
    for workers, paces in sorted(measured.paces.items()):
        each = ", ".join(f"{pace:.2f}" for pace in paces)
        yield f"| {workers} | {each} | {median(paces):.2f} | {median(paces) / one:.2f} |"
    yield ""


def _looks(measured: Measured) -> Iterator[str]:
    if not measured.looks:
        return
    yield _LOOKS.format(workers=WORKERS, parameters=PARAMETERS, looks=LOOKS)
    for look in measured.looks:
        share = f"{look.milliseconds / _EVERY_MS:.2%}"
        sizes = f"{look.status_bytes:,} | {look.resource_bytes:,}"
        yield (
            f"| {in_words(look.objectives)} | {look.trials:,} | {look.milliseconds:.1f} | {share}"
            f" | {look.first_milliseconds:,.0f} | {sizes} |"
        )
    yield ""
