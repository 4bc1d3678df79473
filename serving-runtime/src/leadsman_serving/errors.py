"""What goes wrong, by what the process does about it: one base, one leaf a reaction."""

from __future__ import annotations


class ServingError(Exception):
    """The base of the runtime's own errors."""


class InvalidSettings(ServingError):
    """The environment is wrong: the process ends before it opens a port."""


class PortUnavailable(ServingError):
    """A port can't be opened: the process ends."""
