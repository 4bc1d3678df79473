"""One JSON object a line, for machines that read logs and people who look."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TextIO

from typing_extensions import override

_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Lines(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        """The record with what was given as `extra`."""
        line = {
            "time": datetime.fromtimestamp(record.created, tz=UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _KNOWN},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logs(stream: TextIO) -> None:
    """Ours from INFO on, libraries' from WARNING on."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("leadsman_training").setLevel(logging.INFO)
