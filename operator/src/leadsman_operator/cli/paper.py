"""What is written for people: in colours on a terminal, plain and as wide as it needs elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console, OverflowMethod
from rich.table import Table
from rich.text import Text

from leadsman_api.durations import format_duration

if TYPE_CHECKING:
    from leadsman_operator.cli.surroundings import Surroundings

_UNLIMITED = 10_000
"""Columns of a pipe: lines of programs such as grep are not wrapped."""
_STYLES = {
    "Stable": "green", "Promoted": "green", "Good": "green", "True": "green", "Done": "green",
    "Succeeded": "green", "Scheduled": "green",
    "RollingOut": "cyan", "Baking": "cyan", "Pending": "cyan", "Undecided": "cyan",
    "Queued": "cyan", "Searching": "cyan", "Concluding": "cyan",
    "Paused": "yellow", "Blind": "yellow", "RollingBack": "yellow", "Unknown": "yellow",
    "Suspended": "yellow", "WaitingForApproval": "yellow",
    "RolledBack": "red", "Failed": "red", "Bad": "red", "Refused": "red", "Rejected": "red",
    "Deleting": "magenta",
}  # fmt: skip


def paper(surroundings: Surroundings) -> Console:
    """Where a command writes its text."""
    environment, stdout = surroundings.environment, surroundings.stdout
    terminal = stdout.isatty()
    columns = environment.get("COLUMNS", "")
    width = int(columns) if columns.isdigit() else None
    return Console(
        file=stdout,
        force_terminal=terminal,
        color_system="standard" if terminal and not environment.get("NO_COLOR") else None,
        width=width if terminal else _UNLIMITED,
        highlight=False,
        emoji=False,
        markup=False,
        soft_wrap=not terminal,
    )


def table(*headers: str, last: OverflowMethod = "fold") -> Table:
    """A table as kubectl writes them: no lines, a title above each column.

    On a narrow terminal the last column gives way: it goes on below, or it is cut.
    """
    cut = last == "ellipsis"
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", expand=cut)
    for number, header in enumerate(headers, 1):
        way = last if number == len(headers) else "ellipsis"
        made.add_column(
            header,
            no_wrap=way == "ellipsis",
            overflow=way,
            ratio=1 if cut and number == len(headers) else None,
        )
    return made


def word(text: str | None) -> Text:
    """A word that has a colour, such as a phase or a verdict."""
    return Text(text or "", style=_STYLES.get(text or "", ""))


def moment(written: str | None) -> datetime | None:
    """A time as the API server writes it."""
    return datetime.fromisoformat(written) if written else None


def ago(written: str | None, now: datetime) -> str:
    """How long ago something was, in its largest unit, as kubectl writes ages."""
    then = moment(written)
    if then is None:
        return ""
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size * 2:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def span(duration: timedelta) -> str:
    """A duration in whole seconds."""
    return format_duration(timedelta(seconds=round(duration.total_seconds())))


def as_data(surroundings: Surroundings, form: str, content: Any) -> None:  # noqa: ANN401 - JSON
    """Write content for programs."""
    if form == "json":
        surroundings.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        return
    import yaml  # noqa: PLC0415 - json is the usual form

    surroundings.stdout.write(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def show(
    surroundings: Surroundings, parts: Sequence[Sequence[Any]], *, in_place: bool = False
) -> None:
    """Write blocks with an empty line between them; `in_place` first clears a terminal."""
    console = paper(surroundings)
    if in_place:
        console.clear()
    with console.capture() as written:
        for number, part in enumerate(part for part in parts if part):
            if number:
                console.print()
            for line in part:
                console.print(line)
    # Tables fill each line up to their width.
    for line in written.get().splitlines():
        surroundings.stdout.write(f"{line.rstrip()}\n")
    surroundings.stdout.flush()
