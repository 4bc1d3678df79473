"""The table of accepted and refused resources, as `tests/data/contract/` holds it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

FOLDER = Path(__file__).parents[1] / "data" / "contract"

Side = Literal["pydantic", "server"]
Document = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """What both sides must say: the field, and a part of the message."""

    field: str | dict[Side, str]
    says: str | dict[Side, str]

    def path(self, side: Side) -> str:
        """The field that this side names."""
        return self.field if isinstance(self.field, str) else self.field[side]

    def fragment(self, side: Side) -> str:
        """The part of the message that this side gives."""
        return self.says if isinstance(self.says, str) else self.says[side]


@dataclass(frozen=True)
class Case:
    """One resource, or one change of a resource, and what becomes of it."""

    sentence: str
    resource: Document
    update: Document | None
    refusal: Refusal | None
    only: Side | None

    def concerns(self, side: Side) -> bool:
        """Whether this side can refuse the case."""
        return self.only in (None, side)


def cases() -> Iterator[Case]:
    """Every case of every file."""
    for path in sorted(FOLDER.glob("*.yaml")):
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        for row in table["cases"]:
            yield _case(table["base"], row)


def _case(base: Document, row: Document) -> Case:
    known = {"case", "spec", "resource", "then", "accepted", "refused", "only", "because"}
    assert set(row) <= known, f"{row['case']}: {set(row) - known} means nothing"
    assert ("accepted" in row) != ("refused" in row), f"{row['case']}: accepted or refused?"
    assert ("only" in row) == ("because" in row), f"{row['case']}: one side only needs a reason"
    resource = _merged(base, row.get("resource", {}) | {"spec": row.get("spec", {})})
    return Case(
        sentence=f"{base['kind']}: {row['case']}",
        resource=resource,
        update=_merged(resource, {"spec": row["then"]}) if "then" in row else None,
        refusal=Refusal(**row["refused"]) if "refused" in row else None,
        only=row.get("only"),
    )


def _merged(document: Document, patch: Document) -> Document:
    """JSON merge patch: `null` takes a field away."""
    result = deepcopy(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = _merged(result[name], value)
        else:
            result[name] = deepcopy(value)
    return result
