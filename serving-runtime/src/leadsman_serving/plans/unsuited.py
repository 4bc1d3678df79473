"""What is raised where an engine can't run a model: the message says why."""

from __future__ import annotations


class Unsuited(Exception):
    """A backend can't run the model; the next one is tried."""
