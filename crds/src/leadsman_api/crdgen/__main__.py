"""`python -m leadsman_api.crdgen [OUTPUT_DIR] [--check]`: write the generated files, or check them.

OUTPUT_DIR is the root of the repository, by default the one that this package is in.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from leadsman_api.crdgen.files import generated_files

_REPOSITORY = Path(__file__).parents[4]


def main(arguments: list[str] | None = None) -> int:
    """Write what is out of date; with `--check` only name it, and fail."""
    parser = argparse.ArgumentParser(prog="python -m leadsman_api.crdgen", description=__doc__)
    parser.add_argument("output", type=Path, nargs="?", default=_REPOSITORY, metavar="OUTPUT_DIR")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when out of date")
    options = parser.parse_args(arguments)
    stale = {
        options.output / path: text
        for path, text in generated_files().items()
        if not _holds(options.output / path, text)
    }
    for path, text in stale.items():
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{'out of date' if options.check else 'written'}: {path}\n")
    return 1 if options.check and stale else 0


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
