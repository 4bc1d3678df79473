"""The program of the training image; for now its offline commands."""

from __future__ import annotations

import sys

from leadsman_training.cli import main

if __name__ == "__main__":
    sys.exit(main())
