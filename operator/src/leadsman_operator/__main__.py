"""The program of the operator's image."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def main() -> int:
    """Run a command with the arguments and streams of the process."""
    # Before the imports that take their time: the first process of a container ignores
    # signals that it does not handle, and a pod deleted early would hang until it is killed.
    signal.signal(signal.SIGTERM, _leave)
    from leadsman_operator.cli import arguments  # noqa: PLC0415

    return arguments.main()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """Nothing was begun yet: there is nothing to end in order."""
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
