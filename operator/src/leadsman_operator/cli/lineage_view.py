"""What a version was made from, for programs and for people. What was not recorded is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from leadsman_api.labels import Tag
from leadsman_operator.adapters.lineage import Making
from leadsman_operator.cli.paper import table, word

Content = dict[str, Any]


def content_of(made: Making) -> Content:
    """All that was recorded, as JSON, with the parts that have something in them."""
    about, inputs = made.provenance.get("about", {}), made.provenance.get("inputs", {})
    tags, gate = made.tags, _read(made.tags.get(Tag.GATE))
    at = datetime.fromtimestamp(made.created_at // 1000, tz=UTC)
    whole: Content = {
        "model": {
            "name": made.name,
            "version": made.version,
            "digest": tags.get(Tag.DIGEST),
            "createdAt": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        },
        "data": {
            "uri": about.get("uri"),
            "revision": tags.get(Tag.DATA_REVISION),
            "digest": tags.get(Tag.DATA_DIGEST),
            "rows": about.get("rows"),
        },
        "code": {
            "image": about.get("image"),
            "imageDigest": tags.get(Tag.IMAGE_DIGEST),
            "gitCommit": tags.get(Tag.GIT_COMMIT),
            "digest": inputs.get("code"),
            "python": inputs.get("python"),
        },
        "training": _training(made, inputs),
        "parent": {"champion": (gate or {}).get("championVersion")},
        "gate": gate,
        "reproduction": _read(tags.get(Tag.REPRODUCTION)),
        "rolledBack": tags.get(Tag.ROLLED_BACK),
    }
    return _without_gaps(whole)


def _training(made: Making, inputs: Mapping[str, Any]) -> Content:
    tags = made.tags
    study, _, trial = tags.get(Tag.STUDY, "").rpartition("#")
    return {
        "trigger": tags.get(Tag.TRIGGER),
        "trainingRun": tags.get(Tag.TRAINING_RUN),
        "trainingRunUid": tags.get(Tag.TRAINING_RUN_UID),
        "specHash": tags.get(Tag.SPEC_HASH),
        "run": made.run_id,
        "study": study,
        "trial": int(trial) if trial.isdigit() else None,
        "seed": inputs.get("seed"),
        "parameters": inputs.get("parameters"),
    }


def told(content: Content) -> Iterator[list[Any]]:
    """The same for people, in blocks."""
    model = content["model"]
    yield [Text(f"{model['name']} version {model['version']}", style="bold")]
    parts = table("MADE FROM", "", "")
    for part in ("data", "code", "training", "parent"):
        for number, (name, value) in enumerate(content.get(part, {}).items()):
            shown = json.dumps(value) if isinstance(value, dict) else str(value)
            parts.add_row("" if number else part, name, shown)
    yield [parts]
    if "gate" in content:
        yield list(_gate(content["gate"]))
    if "reproduction" in content:
        again = content["reproduction"].get("reproduction", {})
        differs = again.get("firstDifference", "no recorded input differs")
        yield [Text(f"trained again: {again.get('verdict')}; {differs}")]
    if "rolledBack" in content:
        yield [Text(f"rolled back: {content['rolledBack']}", style="red")]


def _gate(gate: Mapping[str, Any]) -> Iterator[Any]:
    rows = f" on {gate['rows']} held-out rows" if "rows" in gate else ""
    yield Text(f"gate {'passed' if gate['passed'] else 'not passed'}{rows}", style="bold")
    checks = table("METRIC", "PASSED", "VERSION", "CHAMPION", "MESSAGE")
    for one in gate.get("checks", ()):
        numbers = (one.get(arm) for arm in ("challenger", "champion"))
        shown = ("" if number is None else f"{number:.6g}" for number in numbers)
        checks.add_row(one["metric"], word(str(one["passed"])), *shown, one["message"])
    if checks.row_count:
        yield checks


def _read(text: str | None) -> Any:  # noqa: ANN401 - JSON
    """The JSON of a tag; None where there is none that can be read."""
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def _without_gaps(whole: Content) -> Content:
    parts = {
        name: {key: value for key, value in part.items() if value not in (None, "", {})}
        if isinstance(part, dict)
        else part
        for name, part in whole.items()
    }
    return {name: part for name, part in parts.items() if part}
