"""The page of the benchmark of quality, docs/benchmarks/quality.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import mean

from bench.quality.cases import CASES, Case
from bench.quality.comparison import SURE, Difference, difference
from bench.quality.searching import Split

HALVED = 0.5
_HEAD = """\
# Training, what it finds

The built-in trainers on public data sets that scikit-learn brings along. `make bench-quality`
searches and writes this page; it takes about {minutes:.0f} minutes of two shared cores.

## How it is measured

- {splits} times each set is parted anew, seeds {first} to {last}: a fifth of the rows is held out,
  as by default. The product's own worker searches {trials} trials on the others with its default
  settings, and the best parameters are fitted on all of them, as the conclusion does. Nobody sees
  the held-out rows before the end.
- **default** is the estimator with its default parameters, which the worker itself tries as the
  baseline: for `auto` scikit-learn's histogram boosting.
- **random** is the same worker with the sampler `Random`: same trials, space, folds and pruner.
- The differences are of the objective on held-out rows, in pairs of the same split; positive where
  ours is better. Intervals of {sure:.0%} by the corrected resampled t-test (Nadeau and Bengio,
  2003), for splits of the same rows are no new data.
"""
_BESIDE = """
| data | trainer | objective | ours | default | difference | won | | random | difference | won | |
|---|---|---|---|---|---|---|---|---|---|---|---|"""
_FOLDS = """
## What the sampler is worth

The objective of the best trial on the folds that were searched on: what a search sees of itself.
Trials are what it saves, not errors on rows that nobody has seen: for those the space matters more.

| data | ours | random | difference | won | |
|---|---|---|---|---|---|"""
_GOAL = """
## Half the error

The goal that this project was begun with: half the error of a simple baseline. The baseline here
is the most frequent class, or the mean; errors are the part of held-out rows that is predicted
wrongly, or the root of the mean squared error.

| data | simple | default | ours | ours of simple | halved | ours of default |
|---|---|---|---|---|---|---|"""


def page(found: Mapping[Case, Sequence[Split]], trials: int, minutes: float, about: str) -> str:
    """All of it."""
    parts = (
        _head(found, trials, minutes),
        _beside(found),
        _folds(found),
        _goal(found),
        ("", f"Searched on {about}.", ""),
    )
    return "\n".join(line for part in parts for line in part)


def losses(found: Mapping[Case, Sequence[Split]]) -> list[str]:
    """Where ours is shown to be worse than what it should beat, or not shown better than default.

    A random search of the same budget finds nearly the same on sets as small as these: there it
    must not be worse.
    """
    said = []
    for case, splits in found.items():
        default = _against(splits, lambda one: one.default.metric)
        if default.low <= 0:
            said.append(f"{case.data}: not shown to be better than default: {_told(default)}")
        at_random = _against(splits, lambda one: one.random.metric)
        if at_random.high < 0:
            said.append(f"{case.data}: worse than a random search: {_told(at_random)}")
    return said


def _head(found: Mapping[Case, Sequence[Split]], trials: int, minutes: float) -> Iterator[str]:
    splits = next(iter(found.values()))
    yield _HEAD.format(
        minutes=minutes,
        splits=len(splits),
        first=splits[0].seed,
        last=splits[-1].seed,
        trials=trials,
        sure=SURE,
    )
    yield "## In short\n"
    told = list(_in_short(found))
    yield "\n".join(told)


def _in_short(found: Mapping[Case, Sequence[Split]]) -> Iterator[str]:
    others: dict[str, Callable[[Split], float]] = {
        "the default parameters": lambda one: one.default.metric,
        "a random search of the same budget": lambda one: one.random.metric,
    }
    for name, other in others.items():
        verdicts = [_against(splits, other).verdict for splits in found.values()]
        counted = ", ".join(
            f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts)
        )
        yield f"- Beside {name}, of {len(verdicts)} data sets: {counted}."
    halved = [case.data for case, splits in found.items() if _of_simple(splits) <= HALVED]
    yield (
        f"- The error of the simple baseline is halved on {len(halved)} of {len(found)}:"
        f" {', '.join(halved) or 'none'}."
    )


def _beside(found: Mapping[Case, Sequence[Split]]) -> Iterator[str]:
    yield _BESIDE
    for case, splits in found.items():
        default = _against(splits, lambda one: one.default.metric)
        at_random = _against(splits, lambda one: one.random.metric)
        ours = mean(one.ours.metric for one in splits)
        others = mean(one.default.metric for one in splits)
        rivals = mean(one.random.metric for one in splits)
        yield (
            f"| {case.data} | {case.algorithm} | {case.metric} | {ours:.4g}"
            f" | {others:.4g} | {_cells(default)} | {rivals:.4g} | {_cells(at_random)} |"
        )


def _folds(found: Mapping[Case, Sequence[Split]]) -> Iterator[str]:
    yield _FOLDS
    for case, splits in found.items():
        gain = difference(splits, lambda one: one.ours_on_folds, lambda one: one.random_on_folds)
        ours = mean(one.ours_on_folds for one in splits)
        rivals = mean(one.random_on_folds for one in splits)
        yield f"| {case.data} | {ours:.4g} | {rivals:.4g} | {_cells(gain)} |"


def _goal(found: Mapping[Case, Sequence[Split]]) -> Iterator[str]:
    yield _GOAL
    for case, splits in found.items():
        simple = mean(one.simple.error for one in splits)
        default = mean(one.default.error for one in splits)
        ours = mean(one.ours.error for one in splits)
        share = _of_simple(splits)
        halved = "yes" if share <= HALVED else "**no**"
        yield (
            f"| {case.data} | {simple:.4g} | {default:.4g} | {ours:.4g} | {share:.0%} | {halved}"
            f" | {ours / default:.0%} |"
        )


def _of_simple(splits: Sequence[Split]) -> float:
    return mean(one.ours.error for one in splits) / mean(one.simple.error for one in splits)


def _against(splits: Sequence[Split], other: Callable[[Split], float]) -> Difference:
    return difference(splits, lambda one: one.ours.metric, other)


def _told(found: Difference) -> str:
    return f"{found.mean:+.4g} ({found.low:+.4g} to {found.high:+.4g})"


def _cells(found: Difference) -> str:
    return f"{_told(found)} | {found.won}/{found.splits} | {found.verdict}"


def cases(names: Sequence[str]) -> list[Case]:
    """The cases of some data sets."""
    return [case for case in CASES if case.data in names]
