"""What the process says when it ends, where the pod's status shows it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from leadsman_api.termination import Termination


def write_last_words(path: str, said: Termination) -> None:
    """Write the termination message; where no kubelet has made the file nobody would read it."""
    file = Path(path)
    with contextlib.suppress(OSError):
        if file.parent.is_dir():
            file.write_text(said.to_text(), encoding="utf-8")
