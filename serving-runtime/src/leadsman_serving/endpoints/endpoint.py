"""What a route that predicts consists of: what answers, and how it refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from leadsman_serving.errors import BadRequest
from leadsman_serving.protocols.exchange import Answer, Call
from leadsman_serving.protocols.problem import problem_of

Refusal: TypeAlias = Callable[[BadRequest, str], Answer]
"""From what is wrong with a request, and the request's id, to the answer."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route."""

    answer: Callable[[Call], Awaitable[Answer]]
    """Answers a POST; raises BadRequest."""
    refusal: Refusal = problem_of
    """The protocol's own form of an error."""
