"""What the documentation promises: links, headings and commands, read from Markdown text."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["broken_links", "headings", "make_targets_mentioned"]

FENCED = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:")


def _slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    words = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower())
    return words.replace(" ", "-")


def headings(text: str) -> set[str]:
    """The anchors of a document."""
    return {_slug(heading) for heading in HEADING.findall(FENCED.sub("", text))}


def _links(text: str) -> list[str]:
    prose = INLINE_CODE.sub("", FENCED.sub("", text))
    return [inline or reference for inline, reference in LINK.findall(prose)]


def broken_links(document: Path) -> list[str]:
    """Relative links of a document that lead nowhere: no such file, or no such heading in it."""
    links = _links(document.read_text(encoding="utf-8"))
    return [link for link in links if not ELSEWHERE.match(link) and not _leads(document, link)]


def _leads(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = document.parent / path if path else document
    if not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in headings(target.read_text())


def make_targets_mentioned(text: str) -> set[str]:
    """The targets in commands `make target` of a document."""
    return set(
        re.findall(r"(?:^|[`$ ])make ([a-z][a-z0-9-]*)(?=[`\s]|$)", _code(text), re.MULTILINE)
    )


def _code(text: str) -> str:
    """Only the code of a document, fenced or inline: prose may `make sense` of the word."""
    fenced = [match.group() for match in FENCED.finditer(text)]
    return "\n".join([*fenced, *INLINE_CODE.findall(FENCED.sub("", text))])
