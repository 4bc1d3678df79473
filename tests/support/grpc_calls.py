"""Calls of a model over gRPC, from here through a forwarded port: one, or a steady stream."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from leadsman_serving.rpc.messages import CLASSES, INFERENCE_SERVICE
from support.steady_client import rows

__all__ = ["INFERENCE_SERVICE", "Calls", "call", "calling"]

PAUSE_SECONDS = 0.05
TIMEOUT_SECONDS = 30


@dataclass
class Calls:
    """What became of a stream of calls."""

    versions: Counter[str] = field(default_factory=Counter)
    """Answers with a prediction, by version."""
    failures: list[str] = field(default_factory=list)

    @property
    def answered(self) -> int:
        """Calls with a prediction."""
        return self.versions.total()


def call(address: str, model: str, plain: Sequence[Sequence[float]], host: str = "") -> Any:
    """The answer of ModelInfer to rows in one tensor; raises grpc.RpcError.

    A gateway goes by the `host`, which is the address where it is left out.
    """
    with _channel(address, host) as channel:
        return _infer(channel)(_message(model, plain), timeout=TIMEOUT_SECONDS)


@contextmanager
def calling(address: str, model: str, host: str) -> Iterator[Calls]:
    """Call on one connection, one after the other, until the block ends."""
    message = _message(model, [list(rows(1)[0].values())])
    calls, stop = Calls(), threading.Event()

    def work() -> None:
        with _channel(address, host) as channel:
            infer = _infer(channel)
            while not stop.wait(PAUSE_SECONDS):
                try:
                    calls.versions[infer(message, timeout=TIMEOUT_SECONDS).model_version] += 1
                except grpc.RpcError as error:
                    calls.failures.append(str(error))

    thread = threading.Thread(target=work, name="calls")
    thread.start()
    try:
        yield calls
    finally:
        stop.set()
        thread.join()


def _channel(address: str, host: str) -> Any:
    options = [("grpc.default_authority", host)] if host else []
    return grpc.insecure_channel(address.removeprefix("http://"), options=options)


def _infer(channel: Any) -> Any:
    return channel.unary_unary(
        f"/{INFERENCE_SERVICE}/ModelInfer",
        CLASSES["ModelInferRequest"].SerializeToString,
        CLASSES["ModelInferResponse"].FromString,
    )


def _message(model: str, plain: Sequence[Sequence[float]]) -> Any:
    message = CLASSES["ModelInferRequest"](model_name=model)
    tensor = message.inputs.add(name="rows", datatype="FP64", shape=[len(plain), len(plain[0])])
    tensor.contents.fp64_contents.extend(value for row in plain for value in row)
    return message
