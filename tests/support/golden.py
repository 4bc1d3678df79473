"""Golden files: what a test prints, compared with what was agreed on and committed."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from support.repository import ROOT

__all__ = ["Golden"]

DATA = ROOT / "tests/golden/data"


@dataclass(frozen=True)
class Golden:
    """The golden files, and whether they are to be written anew."""

    update: bool
    folder: Path = DATA

    def check(self, name: str, text: str) -> None:
        """Compare a text with the file of a name; with --update-golden write the file."""
        path = self.folder / name
        text = text.rstrip() + "\n"
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return
        agreed = path.read_text() if path.exists() else ""
        changes = difflib.unified_diff(
            agreed.splitlines(), text.splitlines(), name, "this run", lineterm=""
        )
        assert agreed == text, "\n".join(["pytest --update-golden writes it anew:", *changes])
