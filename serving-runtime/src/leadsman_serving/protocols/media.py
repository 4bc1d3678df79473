"""What a body is written in, by the header that says so."""

from __future__ import annotations

from http import HTTPStatus

from leadsman_serving.errors import BadRequest
from leadsman_serving.protocols.exchange import JSON

CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
# MLflow's name for it first; the other one is older and still sent by many.
PARQUETS = (PARQUET, "application/x-parquet")
# curl's own type, which a person at a terminal does not think of.
_PLAIN = ("", JSON, "application/x-www-form-urlencoded")
_UTF8 = ("utf-8", "utf8")


def kind_of(content_type: str) -> str:
    """The type without its parameters, JSON by one name; BadRequest for text that is not UTF-8."""
    kind, *parameters = (part.strip() for part in content_type.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in _UTF8:
            raise unsupported(f"send text as UTF-8, not as {charset}")
    kind = kind.lower()
    return JSON if is_json(kind) else kind


def is_json(kind: str) -> bool:
    """Whether a type, in lower case and without its parameters, is JSON; none said is."""
    return kind in _PLAIN or kind.endswith("+json")


def check_json(content_type: str) -> None:
    """BadRequest with 415 for anything but JSON."""
    kind = kind_of(content_type)
    if kind != JSON:
        raise unsupported(f"send {JSON}, not {kind}")


def unsupported(message: str) -> BadRequest:
    """A body of another type than the route takes."""
    return BadRequest(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
