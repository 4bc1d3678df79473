"""Which routes answer their usual requests in one pass: those that do it as the general way does.

Compared on the model's own example before any client comes: a form whose answer differs in one
byte is left out, and its requests go the general way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from leadsman_serving import usual_forms
from leadsman_serving.endpoints import kserve, mlflow, open_inference, ours
from leadsman_serving.inference import Inference
from leadsman_serving.protocols.open_inference import parse, write
from leadsman_serving.question import Question
from leadsman_serving.single_row import SingleRow
from leadsman_serving.usual_forms import Form

_MOST_EXAMPLES = 8
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Protocol:
    """One protocol's usual request."""

    paths: Sequence[str]
    body: Callable[[Any], object]
    """A request for one row, as JSON has it."""
    question: Callable[[bytes], Question]
    """The general way to read it."""
    form: Callable[[bytes], Form]
    """The quick way; given the general answer to the first example."""


def singles_of(inference: Inference) -> Mapping[str, SingleRow]:
    """By path, what answers the usual request there."""
    if not SingleRow.suits(inference.model):
        return {}
    found: dict[str, SingleRow] = {}
    for protocol in _protocols(inference):
        single = _proven(protocol, inference)
        if single is None:
            _logger.info("Answered in the general way only.", extra={"path": protocol.paths[0]})
        else:
            found |= dict.fromkeys(protocol.paths, single)
    return found


def _proven(protocol: _Protocol, inference: Inference) -> SingleRow | None:
    """What answers as the general way does; None where it does not, or can't be compared."""
    single = None
    for row in inference.model.example[:_MOST_EXAMPLES]:
        body = msgspec.json.encode(protocol.body(_listed(row, inference)))
        (general,) = inference.outcomes([protocol.question(body)])
        if isinstance(general, Exception):
            return None
        try:
            single = single or SingleRow(inference.model, inference.worker, protocol.form(general))
        except ValueError:
            return None
        if single.answer(body) not in (general, None):
            return None
    return single


def _listed(row: Any, inference: Inference) -> list[Any]:  # noqa: ANN401 - JSON
    """A row by place."""
    if isinstance(row, Mapping):
        return [row.get(name) for name in inference.model.schema.names]
    return list(row)


def _protocols(inference: Inference) -> Iterator[_Protocol]:
    schema, version = inference.model.schema, inference.version
    yield _Protocol(
        [ours.PATH],
        lambda row: {"features": row},
        lambda body: ours.question(inference, body),
        lambda _general: usual_forms.ours(schema, version),
    )
    yield _Protocol(
        [mlflow.PATH],
        lambda row: {"inputs": [row]},
        lambda body: mlflow.question(inference, body),
        lambda _general: usual_forms.of_mlflow(schema),
    )
    yield _Protocol(
        [kserve.path_of(version["model"])],
        lambda row: {"instances": [row]},
        lambda body: kserve.question(inference, body),
        lambda _general: usual_forms.of_kserve(schema),
    )
    if schema.has_doubles_only:
        yield _Protocol(
            open_inference.paths(version["model"], version["version"]),
            _tensor,
            lambda body: _asked_by_tensor(inference, body),
            lambda general: usual_forms.of_open_inference(schema, general),
        )


def _tensor(row: Sequence[Any]) -> object:
    described = {"name": "rows", "shape": [1, len(row)], "datatype": "FP64", "data": row}
    return {"inputs": [described]}


def _asked_by_tensor(inference: Inference, body: bytes) -> Question:
    asked, head = parse(body), open_inference.head_of(inference)
    return open_inference.question(
        inference, asked, lambda tensors: write(asked, tensors, head).body
    )
