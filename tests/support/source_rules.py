"""The rules that neither ruff nor mypy knows, as functions from source text to complaints.

Each returns one line for each breach, `line: what is wrong`; nothing means that the rule holds.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

__all__ = [
    "banned_module_name",
    "long_functions",
    "machine_paths",
    "missing_test_docstrings",
    "prints",
    "sleeps_and_mocks",
    "too_many_lines",
    "unexplained_dependencies",
]

FUNCTION_LINES = 40
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "core"}
MACHINE_PATH = re.compile(r"(?<![\w.$}~-])/(?:work|home|Users|mnt)/[\w.-]+")
# Names of a login that the documents of container images really use.
INNOCENT_PATHS = ("/home/nonroot", "/home/runner")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(source: str) -> Iterator[Function]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            yield node


def _docstring_lines(function: Function) -> int:
    if ast.get_docstring(function, clean=False) is None:
        return 0
    first = function.body[0]
    return (first.end_lineno or first.lineno) - first.lineno + 1


def long_functions(source: str) -> list[str]:
    """Functions longer than 40 lines, their docstring not counted."""
    breaches = []
    for function in _functions(source):
        whole = (function.end_lineno or function.lineno) - function.lineno + 1
        if (lines := whole - _docstring_lines(function)) > FUNCTION_LINES:
            breaches.append(f"{function.lineno}: {function.name} has {lines} lines")
    return breaches


def too_many_lines(source: str, limit: int) -> list[str]:
    """A file longer than the limit."""
    lines = len(source.splitlines())
    return [f"{lines}: more than {limit} lines"] if lines > limit else []


def missing_test_docstrings(source: str) -> list[str]:
    """Tests that do not say in a sentence what they show."""
    return [
        f"{function.lineno}: {function.name} has no docstring"
        for function in _functions(source)
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]


def _called_name(node: ast.AST) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def prints(source: str) -> list[str]:
    """Calls of `print`."""
    calls = (node for node in ast.walk(ast.parse(source)) if _called_name(node) == "print")
    return [f"{getattr(call, 'lineno', 0)}: print" for call in calls]


def sleeps_and_mocks(source: str) -> list[str]:
    """What makes a test slow, flaky or untrue: sleeping and mocking."""
    breaches = []
    for node in ast.walk(ast.parse(source)):
        if (name := _called_name(node)) in {"time.sleep", "sleep", "asyncio.sleep"}:
            breaches.append(f"{getattr(node, 'lineno', 0)}: {name}: poll with a deadline")
        modules = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
        if isinstance(node, ast.ImportFrom):
            modules = {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
        if modules & {"unittest.mock", "mock", "pytest_mock"}:
            breaches.append(
                f"{getattr(node, 'lineno', 0)}: mock: write a fake with the same Protocol"
            )
    return breaches


def banned_module_name(name: str) -> list[str]:
    """A module name that says nothing, or that hides a module of the standard library."""
    if name in VAGUE_NAMES:
        return [f"1: {name} says nothing: name the module after what it knows"]
    if name in sys.stdlib_module_names and not name.startswith("__"):
        return [f"1: {name} hides a module of the standard library"]
    return []


def machine_paths(text: str) -> list[str]:
    """Absolute paths that exist on one machine only."""
    return [
        f"{number}: {match.group()}"
        for number, line in enumerate(text.splitlines(), start=1)
        for match in MACHINE_PATH.finditer(line)
        if match.group() not in INNOCENT_PATHS
    ]


def unexplained_dependencies(pyproject: str) -> list[str]:
    """Requirements of a pyproject file whose line does not say why they are there."""
    breaches = []
    table, inside = "", False
    for number, line in enumerate(pyproject.splitlines(), start=1):
        if header := re.match(r"\[([\w.-]+)\]", line):
            table = header.group(1)
        elif opened := re.match(r"([\w-]+) = \[", line):
            of_project = table == "project" and opened.group(1) == "dependencies"
            inside = of_project or table in {"dependency-groups", "project.optional-dependencies"}
        elif line.startswith("]"):
            inside = False
        elif inside and re.match(r'\s*"', line) and not re.search(r"#\s*\S", line):
            breaches.append(f"{number}: {line.strip()} has no reason")
    return breaches
