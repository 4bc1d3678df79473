"""The evidence of a rollout as people read it. What the judge does not write is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from leadsman_operator.cli.paper import table, word

Evidence = Mapping[str, Any]


def verdict_line(evidence: Evidence, *, because: bool = True) -> Text:
    """The verdict and its sentence."""
    line = Text("verdict ", style="bold")
    line.append_text(word(evidence["verdict"]))
    if because:
        line.append(f"  {evidence['because']}")
    return line


def conditions_table(evidence: Evidence) -> Table:
    """A line for each condition."""
    told = table("CONDITION", "VERDICT", "STABLE", "CANDIDATE", "RATIO", last="ellipsis")
    for one in evidence.get("conditions") or ():
        told.add_row(
            one["name"],
            word(one["verdict"]),
            share(one, "stable"),
            share(one, "candidate") or value(one),
            ratio(one),
        )
    return told


def share(one: Evidence, arm: str) -> str:
    """Bad requests of all, and the percentage."""
    total, bad = one.get(f"{arm}Total"), one.get(f"{arm}Bad")
    if total is None or bad is None:
        return ""
    percent = f" ({100 * bad / total:.2f}%)" if total else ""
    return f"{bad} of {total}{percent}"


def interval(one: Evidence) -> str:
    """Between which ends the candidate's share is, whatever was counted."""
    low, high = one.get("shareLow"), one.get("shareHigh")
    return "" if low is None or high is None else f", within {100 * low:.2f}% to {100 * high:.2f}%"


def value(one: Evidence) -> str:
    """The number of a condition that is a query."""
    number = one.get("value")
    return "" if number is None else f"{number:g}"


def ratio(one: Evidence) -> str:
    """How many times the stable share the candidate's is, with its interval."""
    middle, low, high = one.get("ratio"), one.get("ratioLow"), one.get("ratioHigh")
    if middle is None:
        return ""
    if low is None and high is None:
        return f"{middle:.2f}x"
    ends = [f"{end:.2f}" if end is not None else "?" for end in (low, high)]
    return f"{middle:.2f}x ({ends[0]} to {ends[1]})"
