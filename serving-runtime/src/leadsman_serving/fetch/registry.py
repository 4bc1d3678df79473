"""What the registry answers, and what its refusals mean.

Each call is tried again for as long as the registry may come back; what trying again can't mend
is refused at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import mlflow
from mlflow.exceptions import MlflowException

from leadsman_api.reasons import Reason
from leadsman_serving.errors import ModelRefused

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
_SHOWN = 300
_FINAL = {
    "RESOURCE_DOES_NOT_EXIST": Reason.VERSION_NOT_FOUND,
    "PERMISSION_DENIED": Reason.REGISTRY_FORBIDDEN,
    "UNAUTHENTICATED": Reason.REGISTRY_FORBIDDEN,
    "CUSTOMER_UNAUTHORIZED": Reason.REGISTRY_FORBIDDEN,
    "INVALID_PARAMETER_VALUE": Reason.FETCH_FAILED,
}
_HOST_REFUSED = "Invalid Host header"

Found = TypeVar("Found")
_logger = logging.getLogger(__name__)


def patiently(what: str, work: Callable[[], Found], deadline: float, otherwise: Reason) -> Found:
    """The result of a piece of work; ModelRefused when it can't be had until the deadline.

    `what` begins the message, `otherwise` is the reason when nothing better is known.
    """
    pause = _FIRST_PAUSE
    while True:
        try:
            return work()
        except ModelRefused:
            raise
        except Exception as error:  # clients of object stores raise what they like
            reason = _final_reason(error)
            message = f"{what} at {registry_address()}: {said(error)}"
            if reason is not None or time.monotonic() + pause > deadline:
                raise ModelRefused(reason or otherwise, message) from error
            _logger.warning("%s; trying again.", message, extra={"pause_seconds": pause})
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _final_reason(error: Exception) -> Reason | None:
    """The reason of a refusal that stays one; None when trying again may help."""
    if not isinstance(error, MlflowException):
        return None
    if _HOST_REFUSED in str(error):
        return Reason.HOST_NOT_ALLOWED
    return _FINAL.get(str(error.error_code))


def registry_address() -> str:
    """The registry's address without the credentials that it may hold."""
    parts = urlsplit(mlflow.get_registry_uri())
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))


def said(error: Exception) -> str:
    """The first line of what went wrong."""
    return (str(error).partition("\n")[0] or type(error).__name__)[:_SHOWN]
