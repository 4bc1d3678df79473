"""The limits that keep the code readable, over every Python file of the repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.repository import PACKAGES, ROOT, python_files
from support.source_rules import (
    banned_module_name,
    long_functions,
    missing_test_docstrings,
    prints,
    sleeps_and_mocks,
    too_many_lines,
)

SOURCES = python_files(*PACKAGES, ROOT / "scripts")
TESTS = python_files(ROOT / "tests")
# The modules whose work is to talk to a person at a terminal.
TALKING = {"__main__", "cli", "crdgen", "progress"}


def breaches(paths: list[Path], rule: Callable[[str], list[str]]) -> list[str]:
    """Apply a rule to each file; complaints start with the path, as compilers print them."""
    return [
        f"{path.relative_to(ROOT)}:{breach}"
        for path in paths
        for breach in rule(path.read_text(encoding="utf-8"))
    ]


def test_functions_are_short() -> None:
    """No function of the product, its tools or its tests has more than 40 lines."""
    assert breaches(SOURCES + TESTS, long_functions) == []


def test_files_are_short() -> None:
    """No source file has more than 400 lines, no test file more than 500."""
    assert breaches(SOURCES, lambda text: too_many_lines(text, 400)) == []
    assert breaches(TESTS, lambda text: too_many_lines(text, 500)) == []


def test_modules_are_named_by_what_they_know() -> None:
    """No module is called `utils` or the like, and none hides one of the standard library."""
    modules = [path for path in SOURCES if path.stem != "__init__"]
    complaints = [
        f"{path.relative_to(ROOT)}:{breach}"
        for path in modules
        for breach in banned_module_name(path.stem)
    ]

    assert complaints == []


def test_only_command_line_modules_print() -> None:
    """`print` stands only in modules that talk to a person at a terminal; others log."""
    silent = [path for path in python_files(*PACKAGES) if path.stem not in TALKING]

    assert breaches(silent, prints) == []


def test_every_test_says_what_it_shows() -> None:
    """Every test function has a docstring."""
    assert breaches(TESTS, missing_test_docstrings) == []


def test_tests_neither_sleep_nor_mock() -> None:
    """Tests poll with a deadline and use fakes of their own."""
    assert breaches(TESTS, sleeps_and_mocks) == []


LONG = "def slow():\n" + "    pass\n" * 41
DOCUMENTED = 'def fine():\n    """\n' + "    words\n" * 60 + '    """\n' + "    pass\n" * 30


@pytest.mark.parametrize(
    ("rule", "bad", "complaint"),
    [
        pytest.param(long_functions, LONG, "1: slow has 42 lines", id="a long function"),
        pytest.param(
            long_functions,
            f"class A:\n    async {LONG.replace('    ', '        ')}",
            "2: slow has 42 lines",
            id="a long method",
        ),
        pytest.param(
            missing_test_docstrings, "def test_x(): ...", "1: test_x has no docstring", id="no doc"
        ),
        pytest.param(prints, "if x:\n    print('hi')", "2: print", id="a print"),
        pytest.param(
            sleeps_and_mocks,
            "import time\ntime.sleep(1)",
            "2: time.sleep: poll with a deadline",
            id="a sleep",
        ),
        pytest.param(
            sleeps_and_mocks,
            "from unittest import mock",
            "1: mock: write a fake with the same Protocol",
            id="a mock",
        ),
        pytest.param(
            banned_module_name,
            "utils",
            "1: utils says nothing: name the module after what it knows",
            id="a vague name",
        ),
        pytest.param(
            banned_module_name,
            "queue",
            "1: queue hides a module of the standard library",
            id="a name of the standard library",
        ),
    ],
)
def test_a_breach_is_found(rule: Callable[[str], list[str]], bad: str, complaint: str) -> None:
    """Each rule complains about the smallest thing that breaks it."""
    assert rule(bad) == [complaint]


def test_a_docstring_does_not_make_a_function_long() -> None:
    """Explaining a function at length costs nothing."""
    assert long_functions(DOCUMENTED) == []


def test_a_long_file_is_found() -> None:
    """A file one line over the limit is a breach, one at the limit is not."""
    assert too_many_lines("x\n" * 400, 400) == []
    assert too_many_lines("x\n" * 401, 400) == ["401: more than 400 lines"]
