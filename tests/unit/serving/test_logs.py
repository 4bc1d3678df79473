"""Log records become JSON objects."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

from leadsman_serving.logs import JsonFormatter


def written(record: logging.LogRecord) -> dict[str, Any]:
    """The line of a record, parsed."""
    line = JsonFormatter().format(record)
    assert "\n" not in line
    entry = json.loads(line)
    assert isinstance(entry, dict)
    return entry


def test_a_line_has_time_level_logger_and_message() -> None:
    """The time is UTC and says so."""
    record = logging.makeLogRecord(
        {"name": "a.b", "levelname": "INFO", "msg": "%d done", "args": (3,), "created": 0.5}
    )

    assert written(record) == {
        "time": "1970-01-01T00:00:00.500+00:00",
        "level": "INFO",
        "logger": "a.b",
        "message": "3 done",
    }


def test_extra_values_become_fields() -> None:
    """What is passed as `extra` keeps its type where JSON has it."""
    entry = written(logging.makeLogRecord({"msg": "x", "port": 80, "what": {1}}))

    assert (entry["port"], entry["what"]) == (80, "{1}")


def test_the_copy_for_terminals_is_left_out() -> None:
    """The server adds a coloured copy of its messages."""
    assert "color_message" not in written(logging.makeLogRecord({"msg": "x", "color_message": "y"}))


def test_warnings_of_libraries_are_lines_too() -> None:
    """Nothing else is written; of numbers that overflow nothing is said at all."""
    program = """
import warnings
from leadsman_serving.logs import configure_logs
configure_logs("INFO")
warnings.warn("old", FutureWarning)
warnings.warn("overflow", RuntimeWarning)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    [line] = done.stderr.splitlines()

    assert json.loads(line)["logger"] == "py.warnings"
    assert "FutureWarning: old" in json.loads(line)["message"]


def test_a_traceback_stays_within_its_line() -> None:
    """An exception is a field, its line breaks escaped."""
    error = ValueError("a\nb")

    entry = written(
        logging.makeLogRecord({"msg": "failed", "exc_info": (type(error), error, None)})
    )

    assert entry["exception"] == "ValueError: a\nb"
