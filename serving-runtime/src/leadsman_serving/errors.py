"""What goes wrong, by what the process does about it: one base, one leaf a reaction."""

from __future__ import annotations

from http import HTTPStatus

from leadsman_api.reasons import Reason


class ServingError(Exception):
    """The base of the runtime's own errors."""


class InvalidSettings(ServingError):
    """The environment is wrong: the process ends before it opens a port."""


class PortUnavailable(ServingError):
    """A port can't be opened: the process ends."""


class ModelRefused(ServingError):
    """The model can't be served: the process ends and says why in its termination message."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Keep the reason and one sentence that says what to do instead."""
        super().__init__(message)
        self.reason, self.message = reason, message


class BadRequest(ServingError):
    """A request that can't be answered; the client is told why and nothing else."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        """`code` is one word for programs, `message` a sentence for people."""
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
