"""From options and a file to simulated rollouts: what `simulate` reports."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from leadsman_api.advice import Problem
from leadsman_api.labels import API_VERSION
from leadsman_api.loading import InvalidResource, parse_resource
from leadsman_api.v1alpha1 import ModelDeployment
from leadsman_api.v1alpha1.health import PromQL
from leadsman_api.v1alpha1.rollout import Strategy
from leadsman_api.v1alpha1.traffic import TrafficProvider
from leadsman_operator.cli.commands.simulate import RULES
from leadsman_operator.cli.failures import USAGE, Failure
from leadsman_operator.cli.given import Setting
from leadsman_operator.cli.manifests import Document, read_documents
from leadsman_operator.cli.not_simulated import NotSimulated, not_simulated
from leadsman_operator.forecast.advice import advice
from leadsman_operator.forecast.asked import questions
from leadsman_operator.forecast.curve import Point, curve
from leadsman_operator.forecast.latency import Latencies
from leadsman_operator.forecast.rule import OperatorRule, PodShares
from leadsman_operator.forecast.simulation import Rule, simulate
from leadsman_operator.forecast.summary import Summary, summary_of
from leadsman_operator.forecast.thresholds import ArgoSettings, FlaggerSettings
from leadsman_operator.forecast.traffic import Forecast, Outage

if TYPE_CHECKING:
    from leadsman_operator.cli.surroundings import Surroundings

RELATIVE = FlaggerSettings(failures=5, success=None, longest=None, ratio=1.5, margin=0.005)
"""A check as an expert would write it for Flagger: against the stable revision, with a margin."""
DEFAULT_SCRAPE_INTERVAL = 15.0
"""Seconds between two looks, as the operator is installed."""
_FLAG_OF = {
    "spec.rollout.steps": "--steps",
    "spec.rollout.minimumStepTime": "--minimum-step-time",
    "spec.rollout.deadline": "--deadline",
    "spec.rollout.bake": "--bake",
    "spec.health.falseRollbackRate": "--false-rollback-rate",
}


@dataclass(frozen=True, slots=True)
class Simulated:
    """One rule, and what it does."""

    name: str
    rule: Rule
    summary: Summary
    elapsed_seconds: float
    """Time that the simulation took."""
    points: tuple[Point, ...]
    """Its curve; none where it was not asked for."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that a run of `simulate` found."""

    forecast: Forecast
    plan: OperatorRule
    rollouts: int
    seed: int
    simulated: tuple[Simulated, ...]
    advice: tuple[str, ...]
    left_out: tuple[str, ...]
    """Names of the conditions that no forecast says anything about."""
    not_simulated: tuple[NotSimulated, ...]
    """Fields of the file that change nothing here."""
    one_rule: bool
    """Whether one rule was asked for, and not all."""


def report_of(options: argparse.Namespace, surroundings: Surroundings) -> Report:
    """Simulate what the options ask for; raises Failure for what makes no sense."""
    deployment = _deployment(options, surroundings)
    forecast = _forecast(options, deployment)
    plan = _plan(options, deployment, forecast)
    names = RULES if options.rule == "all" else (options.rule,)
    with _progress(surroundings, options.rollouts * len(names)) as told:
        simulated = tuple(
            _simulated(
                name, _rule(name, plan, options.set), forecast, options, (surroundings.now, told)
            )
            for name in names
        )
    sentences: tuple[str, ...] = ()
    if simulated[0].rule is plan:
        sentences = tuple(advice(forecast, plan, simulated[0].summary, options.seed))
    return Report(
        forecast=forecast,
        plan=plan,
        rollouts=options.rollouts,
        seed=options.seed,
        simulated=simulated,
        advice=sentences,
        left_out=_left_out(plan),
        not_simulated=tuple(not_simulated(deployment, plan, forecast)),
        one_rule=options.rule != "all",
    )


_Watch = tuple[Callable[[], datetime], Callable[[int], None]]
"""The time, and who is told how many rollouts are done."""


def _simulated(
    name: str, rule: Rule, forecast: Forecast, options: argparse.Namespace, watch: _Watch
) -> Simulated:
    now, told = watch
    begun = now()
    outcomes = simulate(forecast, rule, options.rollouts, options.seed, told)
    elapsed = (now() - begun).total_seconds()
    wanted = options.curve or options.plot is not None
    points = curve(forecast, rule, options.rollouts, options.seed) if wanted else ()
    return Simulated(name, rule, summary_of(outcomes), elapsed, tuple(points))


@contextmanager
def _progress(surroundings: Surroundings, rollouts: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    console = Console(file=surroundings.stderr, force_terminal=surroundings.stderr.isatty())
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("rollouts", total=rollouts)
        yield lambda done: progress.advance(task, done)


def _rule(name: str, plan: OperatorRule, chosen: Sequence[Setting]) -> Rule:
    rules: Mapping[str, ArgoSettings | FlaggerSettings] = {
        "argo": ArgoSettings(), "flagger": FlaggerSettings(), "relative": RELATIVE
    }  # fmt: skip
    if name == "leadsman":
        return plan
    settings = {field: value for rule, field, value in chosen if rule == name}
    return replace(rules[name], **settings)


def _forecast(options: argparse.Namespace, deployment: ModelDeployment) -> Forecast:
    errors = options.candidate_errors
    return Forecast(
        rate=_rate(options, deployment),
        stable_errors=options.stable_errors,
        candidate_errors=options.stable_errors if errors is None else errors,
        latencies=_latencies(options),
        worsens_after=options.worsens_after,
        daily=options.daily,
        cv=options.cv,
        persistence=options.persistence,
        scrape_interval=_scrape_interval(options, deployment),
        missing=options.missing,
        outages=tuple(Outage(*one) for one in options.outage),
        restarts=options.restarts,
        pods=deployment.spec.scaling.min_replicas,
        history=options.history,
        history_interval=options.history_interval,
        downtime=_downtime(options, deployment),
    )


def _scrape_interval(options: argparse.Namespace, deployment: ModelDeployment) -> float:
    prometheus = deployment.spec.health.prometheus
    if options.scrape_interval is None and prometheus is not None:
        own = prometheus.scrape_interval
        return DEFAULT_SCRAPE_INTERVAL if own is None else own.total_seconds()
    return float(options.scrape_interval or DEFAULT_SCRAPE_INTERVAL)


def _downtime(options: argparse.Namespace, deployment: ModelDeployment) -> float:
    """Without an option the longest that is allowed."""
    swap = deployment.spec.rollout.swap
    if swap is not None:
        longest = swap.downtime_budget.total_seconds() / 2
        return longest if options.downtime is None else float(options.downtime)
    if options.downtime is not None:
        raise Failure("--downtime: only a Swap has one: write rollout.strategy in the file", USAGE)
    return 0.0


def _rate(options: argparse.Namespace, deployment: ModelDeployment) -> float:
    if options.rate is not None:
        return float(options.rate)
    scaling = deployment.spec.scaling
    target = scaling.targets.requests_per_second
    if target is None:
        raise Failure("--rate: write how many requests come per second, such as 20", USAGE)
    return float(target * scaling.min_replicas)


def _latencies(options: argparse.Namespace) -> Latencies | None:
    p50, p99 = options.stable_p50, options.stable_p99
    if p50 is None and p99 is None:
        if options.slowdown != 1.0:
            raise Failure("--slowdown: write --stable-p50 and --stable-p99 too", USAGE)
        return None
    if p50 is None or p99 is None:
        missing = "--stable-p50" if p50 is None else "--stable-p99"
        raise Failure(f"{missing}: write it too, such as 20ms: times need both", USAGE)
    if not 0 < p50 < p99:
        raise Failure("--stable-p99: write a time above --stable-p50", USAGE)
    return Latencies(p50, p99, options.slowdown)


def _plan(
    options: argparse.Namespace, deployment: ModelDeployment, forecast: Forecast
) -> OperatorRule:
    spec = deployment.spec
    if spec.rollout.strategy is Strategy.SHADOW:
        raise Failure(
            f"{options.filename}: a Shadow is not simulated, for nobody gets an answer of its"
            " candidate before it is judged: write another rollout.strategy"
        )
    plan = OperatorRule(
        spec.rollout,
        spec.health.conditions,
        spec.health.false_rollback_rate,
        spec.health.judge,
        rolls_back=spec.rollback.enabled,
        pods=_pods(options, deployment),
    )
    if not questions(plan.conditions, forecast):
        raise Failure(
            f"{options.filename}: none of its conditions is simulated: there must be one of the"
            " type ErrorRate, or one of the type Latency and --stable-p50 with --stable-p99"
        )
    return plan


def _pods(options: argparse.Namespace, deployment: ModelDeployment) -> PodShares | None:
    """What splits the traffic of the file; without a file it is split exactly."""
    spec = deployment.spec
    if options.filename is None or spec.traffic.provider is TrafficProvider.GATEWAY_API:
        return None
    return PodShares(spec.scaling.min_replicas, spec.scaling.max_replicas)


def _left_out(plan: OperatorRule) -> tuple[str, ...]:
    return tuple(one.name for one in plan.conditions if isinstance(one, PromQL))


def _deployment(options: argparse.Namespace, surroundings: Surroundings) -> ModelDeployment:
    """The file's ModelDeployment, or one of defaults, with what the options say of its plan."""
    manifest = _manifest(options.filename, surroundings)
    spec = dict(manifest.get("spec") or {})
    rollout = {
        "steps": options.steps,
        "minimumStepTime": options.minimum_step_time,
        "deadline": options.deadline,
        "bake": options.bake,
        "onUndecided": options.on_undecided,
    }
    spec["rollout"] = _with(spec.get("rollout"), rollout)
    health = _with(spec.get("health"), {"falseRollbackRate": options.false_rollback_rate})
    judge = {field: value for rule, field, value in options.set if rule == "judge"}
    spec["health"] = {**health, "judge": _with(health.get("judge"), judge)}
    try:
        resource = parse_resource({**manifest, "spec": spec})
    except InvalidResource as error:
        raise Failure("\n".join(map(_sentence, error.problems)), USAGE) from error
    if not isinstance(resource, ModelDeployment):
        raise Failure(f"{options.filename}: write a ModelDeployment, not a {resource.kind}", USAGE)
    return resource


def _with(given: object, changes: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name: value for name, value in changes.items() if value is not None}
    return {**(given if isinstance(given, Mapping) else {}), **chosen}


def _sentence(problem: Problem) -> str:
    flag = _FLAG_OF.get(problem.path.partition("[")[0])
    return f"{flag} ({problem.path}): {problem.message}" if flag else problem.line


def _manifest(filename: str | None, surroundings: Surroundings) -> Mapping[str, Any]:
    if filename is None:
        return {
            "apiVersion": API_VERSION,
            "kind": "ModelDeployment",
            "metadata": {"name": "simulated"},
            "spec": {"model": {"name": "simulated", "version": 1}},
        }
    try:
        text = (
            surroundings.stdin.read()
            if filename == "-"
            else Path(filename).read_text(encoding="utf-8")
        )
    except OSError as error:
        raise Failure(f"--filename: {filename}: {error.strerror}", USAGE) from error
    found = [
        part.content
        for part in read_documents(filename, text)
        if isinstance(part, Document)
        and isinstance(part.content, Mapping)
        and part.content.get("kind") == "ModelDeployment"
    ]
    if len(found) != 1:
        raise Failure(
            f"--filename: {filename} has {len(found)} ModelDeployments: write a file with one",
            USAGE,
        )
    return found[0]
