"""Patterns of the schema, read by Python as the API server's RE2 reads them."""

from __future__ import annotations

import re


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern with RE2's meaning: `$` is the very end, and classes hold ASCII only."""
    return re.compile(pattern.replace("$", r"\Z"), re.ASCII)
