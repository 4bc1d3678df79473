"""A TrainingRun's status as people read it: one line, or a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from leadsman_operator.cli.commanding import where
from leadsman_operator.cli.paper import ago, moment, span, table, word

if TYPE_CHECKING:
    from leadsman_operator.facts import Manifest

Status = Mapping[str, Any]
_BAR = 30
"""Characters of the bar of a search."""
_RECENT = 5


def summary(found: Sequence[Manifest], now: datetime, *, everywhere: bool) -> Table:
    """One line each."""
    first = ("NAMESPACE",) if everywhere else ()
    told = table(
        *first, "NAME", "PHASE", "TRIALS", "BEST", "GAIN", "GATE", "VERSION", "LEFT", "AGE",
        "MESSAGE", last="ellipsis",
    )  # fmt: skip
    for manifest in found:
        status, metadata = manifest.get("status") or {}, manifest["metadata"]
        namespace = (str(metadata.get("namespace", "")),) if everywhere else ()
        gate = status.get("gate")
        told.add_row(
            *namespace,
            metadata["name"],
            word(status.get("phase") or "Unknown"),
            (status.get("trials") or {}).get("progress") or "",
            _number((status.get("best") or {}).get("value")),
            _number(status.get("improvementOverBaseline"), signed=True),
            "" if gate is None else "passed" if gate["passed"] else "refused",
            str(status.get("modelVersion") or ""),
            _left(status, now),
            ago(metadata.get("creationTimestamp"), now),
            where(manifest),
        )
    return told


def _number(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return ""
    return f"{value:+.5g}" if signed else f"{value:.6g}"


def _left(status: Status, now: datetime) -> str:
    """Time until the trials are run, or until the next run of a schedule."""
    upcoming = moment((status.get("schedule") or {}).get("nextAt"))
    if upcoming is not None:
        return span(max(upcoming - now, timedelta(0)))
    return str((status.get("timings") or {}).get("remaining") or "")


def one(manifest: Manifest, now: datetime) -> list[list[Any]]:
    """A page, in blocks."""
    status = manifest.get("status") or {}
    return [
        [_title(manifest), where(manifest)],
        list(_schedule(status, now)),
        [*_trials(status), *_best(manifest), *_times(status, now)],
        [_parameters(status)] if (status.get("best") or {}).get("parameters") else [],
        list(_gate(status)),
        list(_happened(status, now)),
    ]


def _title(manifest: Manifest) -> Text:
    metadata, status = manifest["metadata"], manifest.get("status") or {}
    title = Text(f"{metadata['name']}  ", style="bold")
    title.append_text(word(status.get("phase") or "Unknown"))
    version = f" version {status['modelVersion']}" if status.get("modelVersion") else ""
    title.append(
        f"  model {manifest['spec']['model']['name']}{version}"
        f"  namespace {metadata.get('namespace', 'default')}",
        style="not bold dim",
    )
    return title


def _schedule(status: Status, now: datetime) -> Iterator[Text]:
    schedule = status.get("schedule")
    if not schedule:
        return
    yield Text("times ", style="bold").append(schedule["follows"], style="not bold")
    for name, at in (("last", schedule.get("lastAt")), ("next", schedule.get("nextAt"))):
        then = moment(at)
        if then is not None:
            far = f"{span(now - then)} ago" if then <= now else f"in {span(then - now)}"
            yield Text(f"{name}  {at}, {far}")
    if schedule.get("lastRun"):
        yield Text(f"last run {schedule['lastRun']}")
    if schedule.get("active"):
        yield Text(f"going on {', '.join(schedule['active'])}", style="cyan")


def _trials(status: Status) -> Iterator[Text]:
    counts = status.get("trials")
    if not counts or not counts.get("progress"):
        return
    finished, _, wanted = counts["progress"].partition("/")
    full = round(_BAR * min(1.0, int(finished) / max(1, int(wanted))))
    line = Text("trials ", style="bold")
    line.append("█" * full, style="green").append("░" * (_BAR - full), style="dim")
    line.append(f" {counts['progress']}", style="not bold")
    names = ("running", "pruned", "failed", "disrupted")
    more = [f"{counts[name]} {name}" for name in names if counts.get(name)]
    line.append(f"  {', '.join(more)}" if more else "", style="not bold")
    yield line


def _best(manifest: Manifest) -> Iterator[Text]:
    status = manifest.get("status") or {}
    best = status.get("best")
    if not best or best.get("value") is None:
        return
    # Only what has searched is sure to say itself what for.
    metric = manifest["spec"]["objective"]["metric"]
    line = Text("best ", style="bold")
    line.append(f"{metric} {_number(best['value'])} of trial {best['number']}", style="not bold")
    if status.get("baseline") is not None:
        gain = _number(status.get("improvementOverBaseline"), signed=True)
        words = f", {gain} better than {_number(status['baseline'])} with default parameters"
        line.append(words, style="not bold")
    yield line


def _times(status: Status, now: datetime) -> Iterator[Text]:
    timings = status.get("timings") or {}
    begun, ended = moment(timings.get("startedAt")), moment(timings.get("finishedAt"))
    if begun is None:
        return
    parts = [f"begun {span(now - begun)} ago"]
    if ended is not None:
        parts = [f"took {span(ended - begun)}, ended {span(now - ended)} ago"]
    if timings.get("meanTrial"):
        parts.append(f"a trial takes {timings['meanTrial']}")
    if timings.get("remaining"):
        parts.append(f"about {timings['remaining']} left")
    yield Text(", ".join(parts))


def _parameters(status: Status) -> Table:
    told = table("PARAMETER", "BEST")
    for name, value in status["best"]["parameters"].items():
        told.add_row(name, _number(value) if isinstance(value, float) else str(value))
    return told


def _gate(status: Status) -> Iterator[Text]:
    gate = status.get("gate")
    if not gate:
        return
    champion = gate.get("championVersion")
    line = Text("gate ", style="bold")
    line.append(
        "passed" if gate["passed"] else "refused", style="green" if gate["passed"] else "red"
    )
    line.append(f" against version {champion}" if champion else "", style="not bold")
    yield line
    for check in gate.get("checks") or ():
        mark = "✓" if check["passed"] else "✗"
        yield Text(f"{mark} {check['message']}", style="" if check["passed"] else "red")


def _happened(status: Status, now: datetime) -> Iterator[Text]:
    """The last things; history has all that is kept."""
    for outcome in (status.get("history") or ())[:_RECENT]:
        yield Text(f"{ago(outcome['at'], now)} ago  {outcome['message']}", style="dim")
