"""Who learns which answers were right, later than they were given, and counts for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from leadsman_operator.facts import Sample

LABELLED, WRONG = "churn_labelled_total", "churn_wrong_total"
QUALITY: dict[str, Any] = {
    "name": "quality",
    "type": "WrongAnswers",
    "ratio": 1.1,
    "metrics": {"labelled": LABELLED, "wrong": WRONG},
}


@dataclass
class FakeJoiner:
    """One process, as old as what serves; every answer gets its label after the same time."""

    after: timedelta | None = None
    """Without it nobody ever learns what was right."""
    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Answers so far, by metric and revision."""
    known: list[tuple[datetime, Counter[tuple[str, str]]]] = field(default_factory=list)

    def join(self, revision: str, answers: int, behaviour: str) -> None:
        """One in ten is wrong, of a worse model eight."""
        if self.after is not None:
            wrong = (8 if behaviour == "wrong" else 1) * answers // 10
            self.answered.update({(LABELLED, revision): answers, (WRONG, revision): wrong})

    def scrape(self, at: datetime) -> None:
        """Prometheus reads it: what is answered by now is known so much later."""
        if self.after is not None:
            self.known.append((at + self.after, self.answered.copy()))

    def told_for(
        self, query: str, until: datetime, span: timedelta, step: timedelta
    ) -> Iterator[Sample]:
        """Answers by a range: the revision that is asked for has answered all that time."""
        revision = query.partition('revision=~"')[2].partition('"')[0]
        each = 10 if WRONG in query else 100
        for number in range(span // step if self.after is not None else 0):
            at = until - span + number * step
            yield Sample({"pod": "joiner-0", "revision": revision}, float(number * each), at)

    def tells(self, query: str, at: datetime) -> Iterator[Sample]:
        """Answers by an instant vector, as the operator asks for it."""
        metric = LABELLED if LABELLED in query else WRONG
        latest = next((one for due, one in reversed(self.known) if due <= at), Counter[Any]())
        for (name, revision), number in latest.items():
            if name == metric:
                value = at.timestamp() if "timestamp(" in query else float(number)
                yield Sample({"pod": "joiner-0", "revision": revision}, value, at)
