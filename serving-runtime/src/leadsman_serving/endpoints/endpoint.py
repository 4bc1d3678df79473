"""What a route that predicts consists of: what answers, and how it refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from leadsman_serving.errors import BadRequest
from leadsman_serving.protocols.exchange import Answer, Call
from leadsman_serving.protocols.problem import problem_of
from leadsman_serving.question import Question

Refusal: TypeAlias = Callable[[BadRequest, str], Answer]
"""From what is wrong with a request, and the request's id, to the answer."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route."""

    answer: Callable[[Call], Awaitable[Answer]]
    """Answers a POST; raises BadRequest."""
    refusal: Refusal = problem_of
    """The protocol's own form of an error."""
    sample: Callable[[], Question | None] = lambda: None
    """What the server asks itself through this route before it is ready.

    Raises BadRequest for a model that refuses its own example; None where there is none to ask.
    """
