"""The Open Inference Protocol over REST: health, metadata and Triton's index; nothing predicts.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any

import msgspec

from leadsman_serving.endpoints.open_inference import ROOT, UNNAMED, model_path
from leadsman_serving.errors import BadRequest
from leadsman_serving.lifecycle import Lifecycle, liveness, readiness
from leadsman_serving.model import Model
from leadsman_serving.plain_routes import PlainRoute
from leadsman_serving.protocols.exchange import Answer, Call
from leadsman_serving.protocols.open_inference_metadata import PLATFORM, inputs_of, outputs_of
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import installed_version

TAG = "open inference protocol"
SERVER = "leadsman"
EXTENSIONS = ("binary_tensor_data", "model_repository")


def server_metadata() -> dict[str, Any]:
    """What answers, and which extensions of the protocol it knows."""
    return {"name": SERVER, "version": installed_version(), "extensions": list(EXTENSIONS)}


def model_metadata(settings: Settings, model: Model | None) -> dict[str, Any]:
    """The inputs and outputs of the model, as its signature has them."""
    return {
        "name": settings.model_name or UNNAMED,
        "versions": [settings.model_version] if settings.model_version else [],
        "platform": PLATFORM,
        "inputs": [one.body() for one in inputs_of(model.schema)] if model else [],
        "outputs": [one.body() for one in outputs_of(model.outputs)] if model else [],
    }


def repository_index(settings: Settings, lifecycle: Lifecycle) -> list[dict[str, Any]]:
    """The models that are there, by Triton's model repository extension."""
    health = readiness(lifecycle)
    is_ready = health.code == HTTPStatus.OK
    return [
        {
            "name": settings.model_name or UNNAMED,
            "version": settings.model_version,
            "state": "READY" if is_ready else "UNAVAILABLE",
            "reason": "" if is_ready else health.body.get("message", ""),
        }
    ]


def check_model(settings: Settings, name: str, version: str = "") -> None:
    """Raise BadRequest with 404 unless this is the model and the version that are served."""
    served = settings.model_name or UNNAMED
    if name != served:
        raise not_found(f"no model {name!r} is served here, but {served!r}")
    if version and version != settings.model_version:
        known = settings.model_version or "without a version"
        raise not_found(f"no version {version!r} of {name!r} is served here, but {known}")


def not_found(message: str) -> BadRequest:
    """A model or a path that is not there."""
    return BadRequest(HTTPStatus.NOT_FOUND, "ModelNotFound", message)


def routes(settings: Settings, lifecycle: Lifecycle, model: Model | None) -> dict[str, PlainRoute]:
    """What is answered to a GET, by its path."""
    name, version = settings.model_name or UNNAMED, settings.model_version

    def server(_call: Call) -> Answer:
        return _json(server_metadata())

    def live(_call: Call) -> Answer:
        now, most = time.monotonic(), settings.stuck_seconds
        health = liveness(lifecycle, now=now, stuck_after_seconds=most)
        return _json({"live": health.code == HTTPStatus.OK}, health.code)

    def ready(_call: Call) -> Answer:
        health = readiness(lifecycle)
        return _json({"ready": health.code == HTTPStatus.OK}, health.code)

    def metadata(_call: Call) -> Answer:
        return _json(model_metadata(settings, model))

    def model_ready(_call: Call) -> Answer:
        health = readiness(lifecycle)
        return _json({"name": name, "ready": health.code == HTTPStatus.OK}, health.code)

    found = {
        ROOT: PlainRoute(TAG, "What answers, and which extensions it knows.", server),
        f"{ROOT}/health/live": PlainRoute(TAG, "Whether the process works at all.", live),
        f"{ROOT}/health/ready": PlainRoute(TAG, "Whether the model may be asked.", ready),
    }
    for path in dict.fromkeys(model_path(name, one) for one in ("", version)):
        found[path] = PlainRoute(TAG, "The model's inputs and outputs.", metadata)
        found[f"{path}/ready"] = PlainRoute(TAG, "Whether the model may be asked.", model_ready)
    return found


def _json(content: object, status: int = HTTPStatus.OK.value) -> Answer:
    return Answer(msgspec.json.encode(content), int(status))
