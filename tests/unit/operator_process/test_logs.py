"""The operator's log lines, for machines and for people."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from leadsman_operator.logs import configure_logs

ABOUT = {"kind": "ModelDeployment", "namespace": "ml", "name": "churn", "uid": "1"}


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("leadsman_operator")
    handlers, levels = list(root.handlers), (root.level, own.level)
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    own.setLevel(levels[1])


def written(form: str, level: str = "INFO") -> tuple[io.StringIO, logging.Logger]:
    """Where lines go, and a logger of the operator."""
    stream = io.StringIO()
    configure_logs(level, form, stream)
    return stream, logging.getLogger("leadsman_operator.loops")


def parsed(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines, each as one object."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_object_with_its_extra_values() -> None:
    """Time, level, logger and message, and what was passed beside them."""
    stream, logger = written("json")
    logger.info("Reconciled.", extra={"resource": "x", "actions": ["a: b"], "seconds": 0.1})

    (line,) = parsed(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO", "logger": "leadsman_operator.loops", "message": "Reconciled.",
        "resource": "x", "actions": ["a: b"], "seconds": 0.1,
    }  # fmt: skip


def test_a_traceback_stays_within_its_line() -> None:
    """An exception is a field, its line breaks escaped."""
    stream, logger = written("json")
    logger.error("A bug.", exc_info=ValueError("a\nb"))

    (line,) = parsed(stream)
    assert line["exception"] == "ValueError: a\nb"


def test_libraries_speak_from_warning_on() -> None:
    """The news of kopf and of the clients say less than our own lines."""
    stream, logger = written("json", "DEBUG")
    logger.debug("ours")
    logging.getLogger("kopf.objects").info("theirs")
    logging.getLogger("kopf.objects").warning("important")

    assert [line["message"] for line in parsed(stream)] == ["ours", "important"]


def test_the_lines_of_kopf_name_their_resource() -> None:
    """What kopf hangs on a record becomes readable, or is left out."""
    stream, _ = written("json")
    extra = {"k8s_ref": ABOUT, "settings": object(), "k8s_skip": False}
    logging.getLogger("kopf.activities").warning("late", extra=extra)

    (line,) = parsed(stream)
    assert line["resource"] == "ModelDeployment ml/churn"
    assert {"k8s_ref", "settings", "k8s_skip"}.isdisjoint(line)


def test_warnings_of_python_are_lines_too() -> None:
    """Nothing is written past the log."""
    stream, _ = written("json")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    (line,) = parsed(stream)
    assert line["logger"] == "py.warnings"


def test_people_get_short_lines() -> None:
    """Time, level, message and the rest; a traceback below."""
    stream, logger = written("text")
    logger.info("Reconciled.", extra={"resource": "x", "actions": ["a: b"]})
    logger.error("A bug.", exc_info=ValueError("b"))

    first, second, third = stream.getvalue().splitlines()
    assert first[8:] == ' INFO    Reconciled. resource=x actions=["a: b"]'
    assert second[8:] == " ERROR   A bug."
    assert third == "ValueError: b"
