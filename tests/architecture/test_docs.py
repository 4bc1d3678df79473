"""The documentation is true where a program can tell: links, commands, decisions, glossary."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support.markdown import broken_links, headings, make_targets_mentioned
from support.repository import ROOT, files

DOCUMENTS = files("*.md")
ADRS = [path for path in files("docs/adr/*.md") if path.name != "README.md"]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, re.MULTILINE))
KINDS = ("added", "changed", "deprecated", "removed", "fixed", "security")


def names(paths: list[Path]) -> list[str]:
    """Paths as the ids of tests."""
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_links_lead_somewhere(document: Path) -> None:
    """Relative links point to files and headings that exist."""
    assert broken_links(document) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_commands_exist(document: Path) -> None:
    """Every `make target` that a document names is a target."""
    assert make_targets_mentioned(document.read_text()) - TARGETS == set()


def test_broken_links_are_found(tmp_path: Path) -> None:
    """A link to a missing file or heading is a breach; code and other sites are not looked at."""
    (tmp_path / "there.md").write_text("# A heading, with `code`\n")
    document = tmp_path / "page.md"
    document.write_text(
        "[a](there.md) [b](there.md#a-heading-with-code) [c](https://example.org) [d](#here)\n"
        "[e](gone.md) [f](there.md#gone)\n\n# Here\n\n`[g](code.md)`\n\n```\n[h](code.md)\n```\n"
    )

    assert broken_links(document) == ["gone.md", "there.md#gone"]


def test_unknown_commands_are_found() -> None:
    """Targets are read from code, prose is left alone."""
    text = "We make do. Run `make check`, then:\n```\n$ make nonsense\nUV=x make test\n```\n"

    assert make_targets_mentioned(text) == {"check", "nonsense", "test"}


def test_help_lists_every_target() -> None:
    """`make` without arguments prints every target with a sentence."""
    printed = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    described = dict(re.findall(r"^  make (\S+) +(\S.*)$", printed, re.MULTILINE))

    assert set(described) == TARGETS
    assert all(described.values())


def test_every_target_is_declared() -> None:
    """Every target is phony, so that a file of the same name cannot hide it."""
    documented = set(re.findall(r"^([a-z0-9-]+):[^\n]*?## ", MAKEFILE, re.MULTILINE))

    assert documented == TARGETS


@pytest.mark.parametrize("adr", ADRS, ids=names(ADRS))
def test_decisions_have_one_form(adr: Path) -> None:
    """A decision has a number, the four sections, a status, and fits on a page."""
    text = adr.read_text()

    assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", adr.name)
    assert text.startswith(f"# {int(adr.name[:4])}. ")
    assert re.search(r"^Status: (accepted|superseded by \[)", text, re.MULTILINE)
    assert headings(text) >= {"context", "decision", "consequences", "alternatives"}
    assert len(text.split()) <= 450


def test_decisions_are_numbered_and_listed() -> None:
    """The numbers have no gap, and the index names every decision."""
    index = (ROOT / "docs/adr/README.md").read_text()

    assert [int(adr.name[:4]) for adr in ADRS] == list(range(1, len(ADRS) + 1))
    assert [adr.name for adr in ADRS if adr.name not in index] == []


def test_there_is_one_diagram_and_a_glossary() -> None:
    """The architecture has one picture and one word for each concept."""
    text = (ROOT / "docs/architecture.md").read_text()

    assert text.count("```mermaid") == 1
    assert headings(text) >= {"glossary", "the-laws", "how-to-add"}


def test_changelog_fragments_are_named_by_kind() -> None:
    """A fragment is `<issue>.<kind>.md` or `+<words>.<kind>.md`, as towncrier reads them."""
    fragments = [path.name for path in files("changelog.d/*") if path.name != "README.md"]
    pattern = re.compile(rf"(\d+|\+[a-z0-9-]+)\.({'|'.join(KINDS)})(\.\d+)?\.md")

    assert [name for name in fragments if not pattern.fullmatch(name)] == []
