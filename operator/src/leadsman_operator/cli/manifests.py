"""YAML files as documents that remember the line of each field.

It knows YAML and nothing of our resources; what can't be read becomes a flaw with a line,
so that one bad document does not hide the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Flaw:
    """Text that is no usable YAML."""

    source: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file, of whatever kind."""

    source: str
    content: object
    node: yaml.Node = field(repr=False, compare=False)

    @property
    def line(self) -> int:
        """Where the document begins."""
        return int(self.node.start_mark.line) + 1

    def line_of(self, path: str) -> int:
        """Where a field such as `spec.steps[2]` is written, or the nearest field around it."""
        return _line_of(self.node, path) or self.line


def find_files(given: Path) -> list[Path]:
    """The file itself, or every YAML and JSON file below a folder that is not hidden."""
    if not given.is_dir():
        return [given]
    return sorted(
        path
        for path in given.rglob("*")
        if path.suffix in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(given).parts)
    )


def read_documents(source: str, text: str) -> Iterator[Document | Flaw]:
    """The documents of a text in their order; those of a `List` one by one."""
    try:
        for node in yaml.compose_all(text, _Loader):
            yield from (Flaw(source, line, message) for line, message in _repeated_keys(node))
            yield from _documents_in(source, node, _Loader("").construct_document(node))
    except yaml.MarkedYAMLError as error:
        yield Flaw(source, _line_of_error(error), _sentence(error))
    except yaml.YAMLError as error:
        yield Flaw(source, 1, f"this is no YAML: {error}")


def _documents_in(source: str, node: yaml.Node, content: object) -> Iterator[Document | Flaw]:
    if content is None:
        return
    if not _fits_json(content):
        message = "only text, numbers, truth values, lists and objects are allowed"
        yield Flaw(source, int(node.start_mark.line) + 1, message)
    elif isinstance(content, dict) and _is_list(content):
        for item, item_node in zip(content["items"], _items_of(node), strict=True):
            yield from _documents_in(source, item_node, item)
    else:
        yield Document(source, content, node)


def _is_list(content: dict[Any, Any]) -> bool:
    """Whether it is what `kubectl get -o yaml` writes."""
    return content.get("kind") == "List" and isinstance(content.get("items"), list)


def _fits_json(content: object) -> bool:
    """Whether the API server could be told: YAML has sets, bytes and circles too."""
    try:
        json.dumps(content)
    except (TypeError, ValueError):
        return False
    return True


class _Loader(yaml.SafeLoader):
    """YAML as the API server reads it: what looks like a date is text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _entries_of(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _items_of(node: yaml.Node) -> list[yaml.Node]:
    """The nodes below `items`; the last one counts, as in the content."""
    found = [value for key, value in _entries_of(node) if key.value == "items"]
    return list(found[-1].value) if found else []


def _repeated_keys(document: yaml.Node) -> Iterator[tuple[int, str]]:
    """Keys that are written twice: the API server refuses them, YAML takes the last in silence."""
    for node in _nodes_of(document):
        seen: set[str] = set()
        for key, _ in _entries_of(node):
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    line = int(key.start_mark.line) + 1
                    yield line, f"{key.value} is written a second time: remove one"
                seen.add(key.value)


def _nodes_of(document: yaml.Node) -> Iterator[yaml.Node]:
    """Every node once, although an alias may lead to one again, or back to where it stands."""
    waiting, known = [document], {id(document)}
    while waiting:
        node = waiting.pop()
        yield node
        inner = node.value if isinstance(node, yaml.SequenceNode) else []
        for child in [*inner, *(value for _, value in _entries_of(node))]:
            if id(child) not in known:
                known.add(id(child))
                waiting.append(child)


def _line_of(node: yaml.Node, path: str) -> int | None:
    """The line of the last part of the path that is written; None if not even the first is."""
    if path.startswith("[") and isinstance(node, yaml.SequenceNode):
        number, _, rest = path[1:].partition("]")
        if number.isdigit() and int(number) < len(node.value):
            item = node.value[int(number)]
            return _line_of(item, rest.removeprefix(".")) or int(item.start_mark.line) + 1
    for key, value in _entries_of(node):
        rest = path.removeprefix(str(key.value))
        # A key may contain dots itself, such as the name of an annotation.
        if rest != path and (not rest or rest[0] in ".["):
            return _line_of(value, rest.removeprefix(".")) or int(key.start_mark.line) + 1
    return None


def _line_of_error(error: yaml.MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return int(mark.line) + 1 if mark else 1


def _sentence(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return f"this is no YAML: {', '.join(parts)}"
