"""What a plan would do, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from leadsman_api import ModelDeployment
from leadsman_api.durations import format_duration
from leadsman_operator.cli.planning import Foreseen
from leadsman_operator.facts import ObjectRef
from leadsman_operator.planner.plan import (
    Action,
    ApplyObject,
    DeleteObject,
    PatchObject,
    ScaleObject,
)
from leadsman_operator.planner.revision import Revision

_LONGEST = 60


def as_content(foreseen: Foreseen) -> dict[str, Any]:
    """For programs."""
    return {
        "name": foreseen.resource.metadata.name,
        "namespace": foreseen.resource.metadata.namespace,
        "isNew": foreseen.before is None,
        "changes": [
            {"field": field, "before": before, "after": after}
            for field, before, after in changes(foreseen)
        ],
        "revision": foreseen.wanted.name if isinstance(foreseen.wanted, Revision) else None,
        "startsRollout": starts_rollout(foreseen),
        "phase": foreseen.plan.status.phase,
        "message": foreseen.plan.status.message,
        "actions": [
            {"does": does, "object": about, "because": one.because}
            for one in foreseen.plan.actions
            for does, about in (_said(one),)
        ],
    }


def told(foreseen: Foreseen) -> Iterator[Any]:
    """For people."""
    name = foreseen.resource.metadata.name
    found = list(changes(foreseen))
    if foreseen.before is None:
        yield Text(f"{name} would be new", style="bold")
    elif found:
        yield Text(f"{name}: {len(found)} {_fields(len(found))} would change", style="bold")
    else:
        yield Text(f"{name}: no field would change", style="bold")
    for field, before, after in found if foreseen.before is not None else ():
        yield f"  {field}: {_short(before)} -> {_short(after)}"
    yield from _revision(foreseen)
    yield Text("what the operator would do first", style="bold")
    yield f"  {foreseen.plan.status.phase}: {foreseen.plan.status.message}"
    if not foreseen.plan.actions:
        yield "  nothing in the cluster"
    for one in foreseen.plan.actions:
        does, about = _said(one)
        # Most reasons begin with what they are about.
        what = does if about in one.because else f"{does} {about}"
        yield f"  {what}: {one.because}"


def changes(foreseen: Foreseen) -> Iterator[tuple[str, Any, Any]]:
    """Fields of the spec with their values before and after, defaults included."""
    before = _leaves(foreseen.before) if foreseen.before else {}
    after = _leaves(foreseen.resource)
    for field in sorted(before.keys() | after.keys()):
        if before.get(field) != after.get(field):
            yield field, before.get(field), after.get(field)


def starts_rollout(foreseen: Foreseen) -> bool:
    """Whether another revision is wanted than those that have a part now."""
    status = foreseen.resource.status
    names = {arm.name for arm in (status.stable, status.candidate) if arm is not None}
    return isinstance(foreseen.wanted, Revision) and foreseen.wanted.name not in names


def _leaves(resource: ModelDeployment) -> dict[str, Any]:
    """Values of the spec by their path; a list is one value."""
    found: dict[str, Any] = {}

    def walk(path: str, value: object) -> None:
        if isinstance(value, Mapping) and value:
            for name, inner in value.items():
                walk(f"{path}.{name}" if path else str(name), inner)
        else:
            found[path] = value

    spec = dict(resource.spec.to_wire())
    # What a person has asked for once is no part of what the manifest says.
    rollout = {name: one for name, one in spec.get("rollout", {}).items() if name != "command"}
    walk("", {**spec, "rollout": rollout})
    return found


def _fields(number: int) -> str:
    return "field" if number == 1 else "fields"


def _short(value: object) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _revision(foreseen: Foreseen) -> Iterator[Any]:
    """Whether pods start, and how the traffic would get to them."""
    wanted, stable = foreseen.wanted, foreseen.resource.status.stable
    if not isinstance(wanted, Revision):
        yield f"  which revision that is, is not known: {wanted.message}"
        return
    if not starts_rollout(foreseen):
        yield f"  no new revision: the pods of version {wanted.version} go on"
        return
    if stable is None:
        yield f"  the first revision, version {wanted.version}: it gets all of the traffic"
        return
    yield f"  a new revision of version {wanted.version}, beside version {stable.version}:"
    spec = foreseen.resource.spec.rollout
    way = ", ".join(f"{weight}%" if weight else "copies" for weight in (*spec.weights, 100))
    yield (
        f"  {spec.strategy} by {way}; a step takes at least"
        f" {format_duration(spec.minimum_step_time)}, all of them at most"
        f" {format_duration(spec.deadline)}, and it bakes for {format_duration(spec.bake)}"
    )


def _said(action: Action) -> tuple[str, str]:
    """What an action does, and to what."""
    match action:
        case ApplyObject():
            return "apply", str(ObjectRef.of(action.manifest))
        case DeleteObject():
            return "delete", str(action.ref)
        case ScaleObject():
            return f"scale to {action.replicas}", str(action.ref)
        case PatchObject():
            return "patch", str(action.ref)
        case _:
            return type(action).__name__, ""
