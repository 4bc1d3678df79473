"""News of the objects that we own: only that there is news, never what it is.

The API server filters by our label, so that nothing is sent about the rest of the cluster. Watches
end and get lost; each is begun again, and what happened in between is made up for by waking
everybody that has objects.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientError, ClientTimeout
from kubernetes.aio.client import ApiClient

from leadsman_api.labels import API_VERSION, MANAGED_BY, Label
from leadsman_operator.adapters.kinds import path_of
from leadsman_operator.facts import ObjectRef

_SELECTOR = f"{Label.MANAGED_BY}={MANAGED_BY}"
_WATCH_SECONDS, _SILENT_SECONDS, _LIST_SECONDS = 300, 330, 30
_PAUSE_SECONDS = 1.0
_OWNERS = ((Label.MODEL_DEPLOYMENT, "ModelDeployment"), (Label.TRAINING_RUN, "TrainingRun"))
_BOOKMARK, _ERROR = "BOOKMARK", "ERROR"

OnChange = Callable[[ObjectRef], None]
_logger = logging.getLogger(__name__)


async def watch_owned(
    api: ApiClient,
    kinds: Iterable[tuple[str, str]],
    namespaces: Sequence[str],
    on_change: OnChange,
) -> None:
    """Call `on_change` with the owner of each object that changes, for ever.

    `namespaces` are watched one by one; none means all of them.
    """
    async with asyncio.TaskGroup() as tasks:
        for api_version, kind in kinds:
            for namespace in namespaces or ("",):
                path = path_of(api_version, kind, namespace)
                tasks.create_task(_keep_watching(api, path, on_change))


async def _keep_watching(api: ApiClient, path: str, on_change: OnChange) -> None:
    while True:
        try:
            version = await _wake_all(api, path, on_change)
            async for event in _events(api, path, version):
                if event["type"] == _ERROR:
                    break  # the version is too old by now: begin anew
                if event["type"] != _BOOKMARK:
                    _wake(event["object"], on_change)
        except (ClientError, OSError, TimeoutError, ValueError, KeyError) as error:
            _logger.warning("The watch of %s ended: %s", path, error)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _wake_all(api: ApiClient, path: str, on_change: OnChange) -> str:
    """Wake the owner of each object that is there; gives the version to watch from."""
    answer = await _get(api, path, {"limit": "0"}, _LIST_SECONDS)
    found: Mapping[str, Any] = json.loads(await answer.read())
    for item in found.get("items", []):
        _wake(item, on_change)
    return str(found["metadata"]["resourceVersion"])


async def _events(api: ApiClient, path: str, version: str) -> AsyncIterator[Mapping[str, Any]]:
    """The events of one watch, until the server ends it."""
    query = {
        "watch": "true",
        "resourceVersion": version,
        "timeoutSeconds": str(_WATCH_SECONDS),
        "allowWatchBookmarks": "true",
    }
    answer = await _get(api, path, query, _SILENT_SECONDS)
    rest = b""
    # By chunks and not by lines: a line of a large object is longer than the reader's limit.
    async for chunk in answer.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield json.loads(line)


async def _get(api: ApiClient, path: str, query: Mapping[str, str], seconds: float) -> Any:  # noqa: ANN401 - aiohttp's response
    headers = {"Accept": "application/json"}
    await api.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
    url = f"{api.configuration.host}{path}?{urlencode({'labelSelector': _SELECTOR, **query})}"
    answer = await api.call_api(
        "GET", url, headers, _request_timeout=ClientTimeout(total=seconds, sock_read=seconds)
    )
    answer.response.raise_for_status()
    return answer.response


def _wake(manifest: Mapping[str, Any], on_change: OnChange) -> None:
    metadata = manifest.get("metadata", {})
    labels = metadata.get("labels", {})
    for label, kind in _OWNERS:
        if label in labels:
            on_change(ObjectRef(API_VERSION, kind, metadata.get("namespace", ""), labels[label]))
