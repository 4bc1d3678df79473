"""The program of the operator's image; for now its offline commands."""

from __future__ import annotations

import sys

from leadsman_operator.cli.arguments import main

if __name__ == "__main__":
    sys.exit(main())
