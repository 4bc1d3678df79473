"""Log lines as JSON objects on standard error, one a line, for the process and uvicorn alike."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from datetime import UTC, datetime
from typing import TextIO

from typing_extensions import override

_OWN_ATTRIBUTES = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "color_message",  # uvicorn's second copy of the message, for terminals
}


class JsonFormatter(logging.Formatter):
    """Writes a record and what was passed as `extra` as one JSON object."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update(
            (name, value) for name, value in record.__dict__.items() if name not in _OWN_ATTRIBUTES
        )
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False)


def configure_logs(level: str, stream: TextIO | None = None) -> None:
    """Send every log line of the process through one JSON handler."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    # Numbers that overflow: of the client's making, and one line for each request.
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    # Its news of starting and stopping say less than our own lines.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
