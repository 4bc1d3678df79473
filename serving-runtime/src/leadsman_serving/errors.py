"""What goes wrong, by what the process does about it: one base, one leaf a reaction."""

from __future__ import annotations

from collections.abc import Mapping
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

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        more: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`code` is one word for programs, `message` a sentence for people.

        `more` are further members of the answer's body; those without a value are left out.
        """
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.more = {name: one for name, one in (more or {}).items() if one is not None}
        self.headers = dict(headers or {})


class ClientGone(ServingError):
    """The client closed its connection before it had sent its request: nobody waits."""
