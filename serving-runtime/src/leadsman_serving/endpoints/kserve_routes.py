"""KServe's first protocol where it is asked for what is not here: other models, explanations."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter

from leadsman_serving.endpoints.kserve import unready
from leadsman_serving.errors import BadRequest
from leadsman_serving.lifecycle import Lifecycle


def router(served: str, lifecycle: Lifecycle) -> APIRouter:
    """Routes that only refuse; a name may have slashes, as those of a catalog do."""
    routes = APIRouter()

    @routes.get("/v1/models/{name:path}", include_in_schema=False)
    @routes.post("/v1/models/{name:path}:predict", include_in_schema=False)
    @routes.post("/v1/models/{name:path}:explain", include_in_schema=False)
    async def other(name: str) -> None:
        """Whatever is not answered in front of the framework."""
        if not served or name != served:
            message = f"Model with name {name} does not exist."
            raise BadRequest(HTTPStatus.NOT_FOUND, "ModelNotFound", message)
        message = f"Model with name {name} explains nothing."
        unknown = BadRequest(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", message)
        raise unready(served, lifecycle) or unknown

    return routes
