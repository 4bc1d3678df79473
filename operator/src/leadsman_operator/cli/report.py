"""What `validate` found out, for people and for programs."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

from leadsman_operator.cli.validate import Finding, Report


def as_text(report: Report) -> str:
    """One line a finding, in the form that editors can jump to, and a summary."""
    lines = [_line(finding) for finding in report.findings]
    return "\n".join([*lines, _summary(report)]) + "\n"


def as_json(report: Report) -> str:
    """The whole report as one JSON object."""
    entry = {"valid": not report.findings, **dataclasses.asdict(report)}
    return json.dumps(entry, indent=2, ensure_ascii=False) + "\n"


def _line(finding: Finding) -> str:
    parts = (f"{finding.source}:{finding.line}", finding.resource, finding.field, finding.message)
    return ": ".join(part for part in parts if part)


def _summary(report: Report) -> str:
    sentence = f"{_counted(report.checked, 'resource')} checked"
    if report.findings:
        sentence += f", {_counted(len(report.findings), 'problem')}"
    if report.skipped:
        kinds = Counter(skipped.resource.partition(" ")[0] for skipped in report.skipped)
        listed = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
        sentence += f", {len(report.skipped)} of other kinds skipped: {listed}"
    return sentence


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
