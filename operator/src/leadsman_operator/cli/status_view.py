"""A ModelDeployment's status as people read it: one line, or a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from leadsman_api.durations import parse_duration
from leadsman_operator.cli.commanding import weights_of, where
from leadsman_operator.cli.evidence_view import conditions_table, verdict_line
from leadsman_operator.cli.paper import ago, moment, span, table, word

if TYPE_CHECKING:
    from leadsman_operator.facts import Manifest

Status = Mapping[str, Any]
_FULL = 100
_SUMS = ("Ready", "Reconciling", "Stalled", "RolledOut", "EvidenceAvailable")
"""Conditions that say what phase, message and evidence say already."""


def summary(found: Sequence[Manifest], now: datetime, *, everywhere: bool) -> Table:
    """One line each."""
    first = ("NAMESPACE",) if everywhere else ()
    told = table(
        *first, "NAME", "PHASE", "STABLE", "CANDIDATE", "WEIGHT", "VERDICT", "AGE", "MESSAGE",
        last="ellipsis",
    )  # fmt: skip
    for manifest in found:
        status, metadata = manifest.get("status") or {}, manifest["metadata"]
        namespace = (str(metadata.get("namespace", "")),) if everywhere else ()
        weight = status.get("weight")
        told.add_row(
            *namespace,
            metadata["name"],
            word(status.get("phase") or "Unknown"),
            _version(status.get("stable")),
            _version(status.get("candidate")),
            "" if weight is None else f"{weight}%",
            word((status.get("evidence") or {}).get("verdict") if status.get("candidate") else ""),
            ago(metadata.get("creationTimestamp"), now),
            where(manifest),
        )
    return told


def _version(revision: Mapping[str, Any] | None) -> str:
    return str(revision["version"]) if revision else ""


def one(manifest: Manifest, now: datetime) -> list[list[Any]]:
    """A page, in blocks."""
    status = manifest.get("status") or {}
    if not status:
        return [[_title(manifest), where(manifest)]]
    return [
        [_title(manifest), where(manifest)],
        [_revisions(status, now)] if status.get("stable") or status.get("candidate") else [],
        list(_rollout(manifest, now)),
        list(_evidence(status)),
        list(_troubles(status)),
    ]


def _title(manifest: Manifest) -> Text:
    metadata, model = manifest["metadata"], manifest["spec"]["model"]
    status = manifest.get("status") or {}
    wanted = model.get("alias") or model.get("version") or model.get("stage")
    title = Text(f"{metadata['name']}  ", style="bold")
    title.append_text(word(status.get("phase") or "Unknown"))
    title.append(
        f"  model {model['name']}@{wanted}  namespace {metadata.get('namespace', 'default')}",
        style="not bold dim",
    )
    return title


def _revisions(status: Status, now: datetime) -> Table:
    told = table("PART", "VERSION", "REVISION", "TRAFFIC", "PODS", "BACKEND", "SINCE")
    weight = int(status.get("weight") or 0) if status.get("candidate") else 0
    if not status.get("stable"):
        weight = _FULL
    shares = {"stable": _FULL - weight, "candidate": weight, "previous": 0}
    for part, share in shares.items():
        revision = status.get(part)
        if revision:
            told.add_row(
                part,
                str(revision["version"]),
                revision["name"],
                f"{share}%{_realised(status) if part == 'candidate' else ''}",
                f"{revision.get('readyReplicas', 0)}/{revision.get('replicas', 0)}",
                revision.get("backend") or "",
                ago(revision.get("since"), now),
            )
    return told


def _realised(status: Status) -> str:
    """What else it gets: copies, or the share that pods really give, where it is another one."""
    rollout = status.get("rollout") or {}
    if rollout.get("copiedSince"):
        return " and copies"
    real = rollout.get("realisedWeight")
    return "" if real is None or real == status.get("weight") else f" (in pods {real:g}%)"


def _rollout(manifest: Manifest, now: datetime) -> Iterator[Text]:
    status, spec = manifest["status"], manifest["spec"].get("rollout", {})
    rollout = status.get("rollout")
    if not rollout:
        return
    promoted = moment(rollout.get("promotedAt"))
    line = Text("steps ", style="bold")
    weights = () if rollout.get("restoredBy") else weights_of(spec)
    step = min(rollout["step"], len(weights))
    for number, weight in enumerate((*weights, _FULL)):
        share = f"{weight}%" if weight else "copies"
        here = number == step and promoted is None
        over = number < step or promoted is not None
        line.append(
            f" [{share}]" if here else f" {share}",
            style="bold cyan" if here else "green" if over else "dim",
        )
    line.append(" [bake]" if promoted else " bake", style="bold cyan" if promoted else "dim")
    yield line
    yield from _times(rollout, spec, promoted, now)


def _times(
    rollout: Mapping[str, Any], spec: Mapping[str, Any], promoted: datetime | None, now: datetime
) -> Iterator[Text]:
    begun, stepped = moment(rollout["startedAt"]), moment(rollout["stepStartedAt"])
    if begun is None or stepped is None:
        return
    text = f"begun {span(now - begun)} ago, this step {span(now - stepped)} ago"
    if promoted is not None and spec.get("bake"):
        left = promoted + parse_duration(spec["bake"]) - now
        text = f"bakes for {spec['bake']}, {span(max(left, left - left))} left"
    elif spec.get("deadline"):
        text += f", deadline {spec['deadline']}"
    yield Text(text)
    if rollout.get("pausedBy"):
        yield Text(f"paused by {rollout['pausedBy']}: `resume` lets it go on", style="yellow")


def _evidence(status: Status) -> Iterator[Any]:
    evidence = status.get("evidence")
    if evidence and status.get("candidate") and status.get("stable"):
        # The message has the sentence of the verdict already.
        yield verdict_line(evidence, because=evidence["verdict"] == "Blind")
        yield conditions_table(evidence)


def _troubles(status: Status) -> Iterator[Text]:
    """Conditions that are not as they should be and that nothing above speaks of."""
    for condition in status.get("conditions") or ():
        said = condition["message"] == status.get("message")
        if condition["status"] != "True" and condition["type"] not in _SUMS and not said:
            line = Text(f"{condition['type']} ")
            line.append_text(word(condition["status"]))
            line.append(f": {condition['message']}")
            yield line
    answers = status.get("commands") or ()
    if answers and answers[0]["outcome"] == "Refused":
        answer = answers[0]
        yield Text(
            f"{answer['verb']} by {answer['by']} was refused: {answer['message']}", style="yellow"
        )
