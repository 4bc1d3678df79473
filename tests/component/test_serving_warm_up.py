"""What a server asks itself before any client may."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from leadsman_serving.admission import Admission
from leadsman_serving.calibration import SIZES
from leadsman_serving.endpoints.endpoint import Endpoint
from leadsman_serving.errors import ModelRefused
from leadsman_serving.inference import Inference
from leadsman_serving.protocols.exchange import Answer, Call
from leadsman_serving.question import Question
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import RequestMetrics
from leadsman_serving.warm_up import warm_up
from support.pretended_models import SumOfRow, pretended, question


def inference_of(predictor: SumOfRow) -> Inference:
    """What answers with this model."""
    metrics = RequestMetrics(CollectorRegistry())
    return Inference(pretended(predictor), Settings(), Admission(None, None), metrics)


def route(sample: Callable[[], Question | None]) -> dict[str, Endpoint]:
    """A route that asks the model for this at the start."""

    async def answer(_call: Call) -> Answer:
        raise AssertionError("no client has come yet")

    return {"/any": Endpoint(answer, sample=sample)}


def busy() -> None:
    """Take longer than what is done on the event loop."""
    ends = time.perf_counter() + 0.002
    while time.perf_counter() < ends:
        pass


def test_each_route_is_asked_and_calls_of_all_sizes_are_timed() -> None:
    """The route's own question first, then the example's rows, few and many."""
    predictor = SumOfRow()
    warmth = warm_up(inference_of(predictor), route(lambda: question([[9, 9]] * 5)))
    # The first call asks for a row with gaps.
    assert predictor.calls[1] == 5
    assert set(SIZES) <= set(predictor.calls)
    assert warmth.joins
    assert warmth.cost is not None
    assert 0 < warmth.cost.of(1) < warmth.cost.of(1000)


def test_a_route_that_the_model_can_not_answer_refuses_the_model() -> None:
    """Clients of that protocol would get nothing but errors."""
    with pytest.raises(ModelRefused, match="it failed on its own example"):
        warm_up(inference_of(SumOfRow()), route(lambda: question([[-1, -1]])))
    with pytest.raises(ModelRefused, match="it refused its own example"):
        warm_up(inference_of(SumOfRow()), route(lambda: question([])))


def test_slow_models_are_tried_with_several_requests_at_once() -> None:
    """So that their thread has begun, and joined requests are nothing new to it."""
    inference = inference_of(SumOfRow(before=busy))
    warmth = warm_up(inference, route(lambda: None))
    assert warmth.cost is not None
    # What is fitted to several measurements may lie a little below each of them.
    assert warmth.cost.of(1) > 0.001
    assert not inference.worker.does_now(1)
    assert inference.worker.counts.waits == 4
