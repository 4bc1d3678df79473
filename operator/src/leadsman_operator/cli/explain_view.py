"""Why a verdict is what it is, in sentences with numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.text import Text

from leadsman_api.durations import format_duration
from leadsman_operator.cli.commanding import where
from leadsman_operator.cli.evidence_view import interval, ratio, share, value, verdict_line
from leadsman_operator.cli.outlook_view import Ahead, condition_line, pods_line, upcoming
from leadsman_operator.cli.paper import moment, span, word
from leadsman_operator.planner.judge.checks import DEFAULT_FAILURES, DEFAULT_INTERVAL

if TYPE_CHECKING:
    from datetime import datetime

    from leadsman_operator.facts import Manifest

Part = Mapping[str, Any]
_LARGEST = 1e6


def explained(manifest: Manifest, now: datetime, ahead: Ahead | None = None) -> list[list[Any]]:
    """The page, in blocks; `ahead` is what would change the decision, where one is open."""
    status = manifest.get("status") or {}
    evidence, name = status.get("evidence"), manifest["metadata"]["name"]
    if not evidence:
        return [
            [f"{name}: there is no evidence: it is gathered while a rollout has traffic"],
            [where(manifest)],
        ]
    health = manifest["spec"].get("health", {})
    specs = {one["name"]: one for one in health.get("conditions", ())}
    return [
        [*_head(status, evidence, now), *_rule(health.get("judge", {}))],
        *(
            [*_condition(one, specs.get(one["name"], {})), *_of_condition(one["name"], ahead)]
            for one in evidence["conditions"]
        ),
        *([[*_pods(evidence["failures"]), *_of_pods(ahead)]] if evidence.get("failures") else []),
        list(_next(ahead, now)),
    ]


def _of_condition(name: str, ahead: Ahead | None) -> Iterator[str]:
    line = condition_line(name, ahead) if ahead else ""
    if line:
        yield f"  next       {line}"


def _of_pods(ahead: Ahead | None) -> Iterator[str]:
    if ahead:
        yield f"  next       {pods_line(ahead)}"


def _next(ahead: Ahead | None, now: datetime) -> Iterator[Any]:
    """What would change the decision, and when."""
    sentences = list(upcoming(ahead.resource, now)) if ahead else []
    if sentences:
        yield Text("what comes next", style="bold")
        yield from (f"  {one}" for one in sentences)


def _head(status: Part, evidence: Part, now: datetime) -> Iterator[Any]:
    stable, candidate = status.get("stable") or {}, status.get("candidate")
    if candidate:
        yield Text(
            f"version {candidate['version']} beside version {stable.get('version')},"
            f" {status.get('weight')} percent of the traffic{_copies(status)}",
            style="bold",
        )
    else:
        yield Text("no rollout is running: this is what the last one has shown", style="bold")
    yield verdict_line(evidence)
    since = moment(evidence.get("since"))
    if since is not None:
        yield f"counted for {span((moment(evidence.get('updatedAt')) or now) - since)}"
    yield from _strength(evidence)


def _copies(status: Part) -> str:
    copied = (status.get("rollout") or {}).get("copiedSince")
    return ", and copies of the rest" if copied else ""


def _strength(evidence: Part) -> Iterator[str]:
    """The evidence of all conditions together, and the bar of a rollback."""
    log_evidence, log_bar = evidence.get("logEvidence"), evidence.get("logBar")
    if log_evidence is None or log_bar is None:
        return
    found, bar = _times(log_evidence), _times(log_bar)
    yield (
        f"evidence that it is worse: {found}, a rollback needs {bar}"
        f" ({100 * max(0.0, min(1.0, log_evidence / log_bar)):.0f} percent of the way)"
    )


def _rule(judge: Part) -> Iterator[str]:
    """How many failed checks a threshold rule bears."""
    rule, failures = judge.get("rule"), judge.get("failures", DEFAULT_FAILURES)
    limits = {
        "Argo": f"a condition fails more than {failures} checks",
        "Flagger": f"{max(1, failures)} checks have failed",
    }
    if rule in limits:
        each = judge.get("interval", format_duration(DEFAULT_INTERVAL))
        yield f"rule {rule}: it is taken back when {limits[rule]}, one each {each}"


def _times(logarithm: float) -> str:
    """A number that may be very large or very small."""
    if logarithm > math.log(_LARGEST):
        return f"1e{logarithm / math.log(10):.0f}"
    return f"{math.exp(logarithm):.3g}"


def _condition(one: Part, spec: Part) -> Iterator[Any]:
    title = Text(f"{one['name']} ", style="bold")
    title.append_text(word(one["verdict"]))
    title.append(f"  {_asks(spec)}" if spec else "", style="not bold dim")
    yield title
    candidate = share(one, "candidate")
    rows = {
        "stable": share(one, "stable"),
        "candidate": candidate and f"{candidate}{interval(one)}",
        "ratio": ratio(one),
        "unread": one.get("unread"),
    }
    yield from (f"  {name:<10} {said}" for name, said in rows.items() if said)
    if value(one):
        outside = f", outside since {one['outsideSince']}" if one.get("outsideSince") else ""
        yield f"  value      {value(one)}{outside}"
    if one.get("failedChecks") is not None:
        yield f"  checks     {one['failedChecks']} failed, {one.get('passedChecks') or 0} passed"
    if one.get("logEvidence") is not None:
        yield f"  evidence   {_times(one['logEvidence'])}"
    if one.get("dispersion") is not None:
        percent = 100 * math.sqrt(one["dispersion"])
        yield f"  noise      the stable share may be off by {percent:.0f}% over that time by itself"


def _pods(failures: Part) -> Iterator[Any]:
    """Ready pods that failed."""
    title = Text("pods ", style="bold")
    title.append_text(word(failures["verdict"]))
    title.append("  pods that fail while they are ready", style="not bold dim")
    yield title
    for arm in ("stable", "candidate"):
        ready = span(timedelta(seconds=failures[f"{arm}Seconds"]))
        yield f"  {arm:<10} {failures[f'{arm}Failures']} failures in {ready} of ready pods"
    if failures.get("latest"):
        yield f"  latest     {failures['latest']}"
    yield f"  evidence   {_times(failures['logEvidence'])}"


def _asks(spec: Part) -> str:
    """What the condition asks for, in the words of its fields."""
    shown = ("type", "ratio", "quantile", "min", "max", "maxLatency", "for")
    return ", ".join(f"{field} {spec[field]}" for field in shown if spec.get(field) is not None)
