"""`validate`: checks resources as the API server would, without one.

Every finding has its file, line and field, and says what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from leadsman_api.labels import GROUP
from leadsman_api.loading import RESOURCES, InvalidResource, parse_resource
from leadsman_operator.cli.manifests import Document, Flaw, find_files, read_documents

STANDARD_INPUT = "-"

_KINDS = frozenset(resource.names.kind for resource in RESOURCES)
_PROJECT = GROUP.partition(".")[0]


class Unreadable(Exception):
    """A file can't be read: nothing was found out about it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    source: str
    line: int
    resource: str
    """Kind and name; empty where the text is no resource."""
    field: str
    """Path of the field; empty for the whole document."""
    message: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A document that is none of our resources."""

    source: str
    line: int
    resource: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was found out about all the files."""

    checked: int
    """Resources of ours, with problems or without."""
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]


def validate_paths(paths: Iterable[str], standard_input: TextIO) -> Report:
    """Check files, folders and `-`; raise Unreadable for what can't be read."""
    reports = [validate_text(source, text) for source, text in texts_of(paths, standard_input)]
    return Report(
        sum(one.checked for one in reports),
        tuple(finding for one in reports for finding in one.findings),
        tuple(skipped for one in reports for skipped in one.skipped),
    )


def validate_text(source: str, text: str) -> Report:
    """Check the documents of one text."""
    checked = 0
    findings: list[Finding] = []
    skipped: list[Skipped] = []
    for part in read_documents(source, text):
        outcome = _judge(part)
        if isinstance(outcome, Skipped):
            skipped.append(outcome)
        else:
            checked += isinstance(part, Document)
            findings += outcome
    return Report(checked, tuple(findings), tuple(skipped))


def texts_of(paths: Iterable[str], standard_input: TextIO) -> Iterable[tuple[str, str]]:
    """Every file's name and text; raises Unreadable."""
    for path in paths:
        if path == STANDARD_INPUT:
            yield "<stdin>", standard_input.read()
            continue
        files = find_files(Path(path))
        if not files:
            raise Unreadable(f"{path}: no YAML or JSON file in this folder")
        yield from ((str(file), _text_of(file)) for file in files)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{file}: no UTF-8 text") from error
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror}") from error


def _judge(part: Document | Flaw) -> list[Finding] | Skipped:
    """The findings of a document, none if it is right; or that it is not ours to judge."""
    if isinstance(part, Flaw):
        return [Finding(part.source, part.line, "", "", part.message)]
    content = part.content if isinstance(part.content, dict) else {}
    resource = _describe(content)
    if not _is_ours(content):
        return Skipped(part.source, part.line, resource)
    try:
        parse_resource(content)
    except InvalidResource as error:
        return [
            Finding(
                part.source, part.line_of(problem.path), resource, problem.path, problem.message
            )
            for problem in error.problems
        ]
    return []


def _is_ours(content: Mapping[str, Any]) -> bool:
    """Whether the author means one of our resources, with a typing error perhaps."""
    group = str(content.get("apiVersion", _PROJECT)).partition("/")[0]
    return group == GROUP or (content.get("kind") in _KINDS and _PROJECT in group)


def _describe(content: Mapping[str, Any]) -> str:
    metadata = content.get("metadata")
    identity = metadata if isinstance(metadata, Mapping) else {}
    name = identity.get("name") or identity.get("generateName") or "without a name"
    namespace = f"{identity['namespace']}/" if identity.get("namespace") else ""
    return f"{content.get('kind') or 'Document without a kind'} {namespace}{name}"
