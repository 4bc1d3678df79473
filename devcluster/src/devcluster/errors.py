"""What ends a command: one clear line that says what to do, never a stack trace."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CommandFailed", "Refusal"]


class Refusal(Exception):
    """This machine or this request cannot be served; the message says what to do about it."""


class CommandFailed(Exception):
    """A program that devcluster ran ended badly."""

    def __init__(self, command: list[str], code: int, output: str, log: Path | None = None) -> None:
        """Keep what was run and the last lines that it printed."""
        self.command = command
        self.code = code
        self.output = output
        self.log = log
        tail = " | ".join(line.strip() for line in output.strip().splitlines()[-4:])
        where = f" (all of it: {log})" if log else ""
        super().__init__(f"`{' '.join(command[:6])}` ended with code {code}: {tail}{where}")
