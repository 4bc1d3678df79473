"""YAML becomes documents that know their lines, or flaws that do."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadsman_operator.cli.manifests import Document, Flaw, find_files, read_documents

TEXT = """\
kind: A
metadata:
  annotations:
    example.com/owner: me
spec:
  steps: [10,
    20,
    30]
  ports:
    - name: http
    - name: side
      number: 9090
"""


def documents(text: str) -> list[Document]:
    """The documents of a text without flaws."""
    parts = list(read_documents("x.yaml", text))
    found = [part for part in parts if isinstance(part, Document)]
    assert found == parts
    return found


def flaws(text: str) -> list[tuple[int, str]]:
    """Line and message of each flaw."""
    parts = read_documents("x.yaml", text)
    return [(part.line, part.message) for part in parts if isinstance(part, Flaw)]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        pytest.param("", 1, id="the document"),
        pytest.param("kind", 1, id="a field at the top"),
        pytest.param("spec.steps[2]", 8, id="an item of a list"),
        pytest.param("spec.ports[1].number", 12, id="a field of an item"),
        pytest.param("spec.ports[1].missing", 11, id="a missing field: its item"),
        pytest.param("spec.steps[9]", 6, id="a missing item: its list"),
        pytest.param("spec.missing.deep", 5, id="a missing part: what is around it"),
        pytest.param("missing", 1, id="a missing field at the top: the document"),
        pytest.param("metadata.annotations.example.com/owner", 4, id="a key with dots"),
        pytest.param("spec.step", 5, id="a name that only begins alike"),
    ],
)
def test_a_path_has_the_line_where_it_is_written(path: str, line: int) -> None:
    """What is missing has the line of the nearest thing around it."""
    (document,) = documents(TEXT)

    assert document.line_of(path) == line


def test_documents_keep_their_lines() -> None:
    """Lines count from the beginning of the file, not of the document."""
    first, second = documents("kind: A\n---\n# a comment\nkind: B\n")

    assert (first.content, second.content) == ({"kind": "A"}, {"kind": "B"})
    assert (first.line, second.line, second.line_of("kind")) == (1, 4, 4)


def test_empty_documents_are_nothing() -> None:
    """A separator too many is no mistake."""
    assert documents("---\n---\n# nothing\n---\n") == []


def test_a_list_is_its_items() -> None:
    """What `kubectl get -o yaml` writes is checked item by item."""
    items = documents("kind: List\nitems:\n- kind: A\n- kind: B\n")

    assert [(item.content, item.line) for item in items] == [({"kind": "A"}, 3), ({"kind": "B"}, 4)]


def test_dates_are_text_as_for_the_api_server() -> None:
    """A name such as 2026-11-23 stays a name."""
    assert documents("name: 2026-11-23\n")[0].content == {"name": "2026-11-23"}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param("a: 1\nb:\n  c: 1\n  c: 2\n", 4, "c is written a second time", id="twice"),
        pytest.param("- a: 1\n  a: 2\n", 2, "a is written a second time", id="twice in a list"),
        pytest.param("a: 1\nb: [1\n", 3, "this is no YAML", id="an open bracket"),
        pytest.param("a: 1\nb: !Ref x\n", 2, "this is no YAML", id="a tag nobody knows"),
        pytest.param("a: \x00\n", 1, "this is no YAML", id="a byte that is no text"),
        pytest.param("a: !!binary aGk=\n", 1, "only text, numbers", id="bytes"),
        pytest.param("a: &x\n  b: *x\n", 1, "only text, numbers", id="a circle"),
    ],
)
def test_a_flaw_has_its_line(text: str, line: int, message: str) -> None:
    """What is no usable YAML is told with its line."""
    ((found_line, found_message),) = flaws(text)

    assert found_line == line
    assert found_message.startswith(message)


def test_a_flaw_does_not_hide_what_stands_before_it() -> None:
    """Documents before a broken one are still read."""
    first, second = read_documents("x.yaml", "kind: A\n---\na: [\n")

    assert isinstance(first, Document)
    assert isinstance(second, Flaw)


def test_merged_keys_are_no_repetition() -> None:
    """An anchor's values may be overridden: that is what merging is for."""
    text = "a: &a {x: 1}\nb:\n  <<: *a\n  x: 2\n"

    assert documents(text)[0].content == {"a": {"x": 1}, "b": {"x": 2}}


def test_a_folder_is_its_files_in_order(tmp_path: Path) -> None:
    """YAML and JSON at any depth; hidden folders and other files are left out."""
    for name in ("b.yaml", "a/c.yml", "a/d.json", "e.txt", ".git/f.yaml", "a/.g.yaml"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.touch()

    found = [str(path.relative_to(tmp_path)) for path in find_files(tmp_path)]

    assert found == ["a/c.yml", "a/d.json", "b.yaml"]
