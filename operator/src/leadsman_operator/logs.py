"""Log lines on standard error: JSON objects for machines, or short text for people.

The operator's own lines are written from the level that is asked for; those of kopf and of the
clients only from WARNING on, because their news of every event say less than our plans.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from typing_extensions import override

OWN = "leadsman_operator"

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
# What kopf hangs on its records: an object reference that is shown, and wiring that is not.
_WIRING = frozenset({"settings", "k8s_skip", "k8s_ref"})


class JsonFormatter(logging.Formatter):
    """Writes a record and what was passed as `extra` as one JSON object."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": _time_of(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """Writes a record as a line for a terminal: time, level, message, then the rest."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        rest = "".join(f" {name}={_short(value)}" for name, value in _extra(record).items())
        line = f"{_time_of(record)[11:19]} {record.levelname:<7} {record.getMessage()}{rest}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure_logs(level: str, form: str = "json", stream: TextIO | None = None) -> None:
    """Send every log line of the process through one handler; `form` is json or text."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(TextFormatter() if form == "text" else JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger(OWN).setLevel(level)
    logging.captureWarnings(capture=True)


def _time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _extra(record: logging.LogRecord) -> dict[str, object]:
    found = {
        name: value
        for name, value in record.__dict__.items()
        if name not in _STANDARD and name not in _WIRING
    }
    about = record.__dict__.get("k8s_ref")
    if isinstance(about, dict):
        found["resource"] = f"{about.get('kind')} {about.get('namespace')}/{about.get('name')}"
    return found


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
