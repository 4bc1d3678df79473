"""What can go wrong at the edge, told apart by what to do about it.

Adapters turn every error of their client into one of these; nobody else sees a client's.
"""

from __future__ import annotations

from leadsman_api.reasons import Reason


class EdgeError(Exception):
    """Something outside of the operator did not do what was asked."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Keep the reason and one sentence for people: who, where and what it said."""
        super().__init__(message)
        self.reason = reason
        self.message = message


class Unreachable(EdgeError):
    """No answer, or an answer that says nothing: try again, and conclude nothing."""


class Refused(EdgeError):
    """An answer that says no: rights, quota, policy or a value. Trying again won't help."""


class UnknownKind(Refused):
    """The cluster has no place for a kind of object: what would define it is not installed."""


class Conflict(EdgeError):
    """Somebody else changed it in the meantime: look again."""
