"""News of the objects that we own: only that there is news, never what it is.

The API server filters by our label, so that nothing is sent about the rest of the cluster. Watches
end and get lost; each is begun again where it ended, and when that can't be told, everybody that
has objects is woken.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientError, ClientResponseError, ClientTimeout
from kubernetes.aio.client import ApiClient

from leadsman_api.labels import API_VERSION, MANAGED_BY, Label
from leadsman_operator.adapters.kinds import path_of
from leadsman_operator.facts import ObjectRef

_SELECTOR = f"{Label.MANAGED_BY}={MANAGED_BY}"
_WATCH_SECONDS, _SILENT_SECONDS, _LIST_SECONDS = 300, 330, 30
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 30.0
_OWNERS = ((Label.MODEL_DEPLOYMENT, "ModelDeployment"), (Label.TRAINING_RUN, "TrainingRun"))
_NOT_FOUND = 404
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
    version, failures = "", 0
    while True:
        try:
            version = version or await _wake_all(api, path, on_change)
            if failures:
                _logger.info("The watch of %s is back.", path)
            failures = 0
            version = await _follow(api, path, version, on_change)
        except (ClientError, OSError, TimeoutError, ValueError, KeyError) as error:
            # Only once: a server that is away for long is no news each time.
            if not failures:
                _tell_of_end(path, error)
            version, failures = "", failures + 1
        await asyncio.sleep(min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2 ** min(failures, 10)))


def _tell_of_end(path: str, error: Exception) -> None:
    """A kind that nobody installed is no trouble: it may be installed later."""
    if isinstance(error, ClientResponseError) and error.status == _NOT_FOUND:
        _logger.info("The cluster has no %s: it is looked for again.", path)
    else:
        _logger.warning("The watch of %s ended: %s", path, error)


async def _follow(api: ApiClient, path: str, version: str, on_change: OnChange) -> str:
    """Wake the owners of what changes, until the server ends the watch.

    Gives the version to go on from: without a gap, so that nobody has to be woken for nothing.
    It is empty when the version is too old by now and all has to be read anew.
    """
    async with aclosing(_events(api, path, version)) as events:
        async for event in events:
            if event["type"] == _ERROR:
                return ""
            version = str(event["object"]["metadata"]["resourceVersion"])
            if event["type"] != _BOOKMARK:
                _wake(event["object"], on_change)
    return version


async def _wake_all(api: ApiClient, path: str, on_change: OnChange) -> str:
    """Wake the owner of each object that is there; gives the version to watch from."""
    answer = await _get(api, path, {"limit": "0"}, _LIST_SECONDS)
    found: Mapping[str, Any] = json.loads(await answer.read())
    for item in found.get("items", []):
        _wake(item, on_change)
    return str(found["metadata"]["resourceVersion"])


async def _events(
    api: ApiClient, path: str, version: str
) -> AsyncGenerator[Mapping[str, Any], None]:
    """The events of one watch, until the server ends it."""
    query = {
        "watch": "true",
        "resourceVersion": version,
        "timeoutSeconds": str(_WATCH_SECONDS),
        "allowWatchBookmarks": "true",
    }
    answer = await _get(api, path, query, _SILENT_SECONDS)
    rest = b""
    try:
        # By chunks and not by lines: a line of a large object is longer than the reader's limit.
        async for chunk in answer.content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.strip():
                    yield json.loads(line)
    finally:
        answer.close()  # a watch that is left in its middle would keep its connection


async def _get(api: ApiClient, path: str, query: Mapping[str, str], seconds: float) -> Any:  # noqa: ANN401 - aiohttp's response
    headers = {"Accept": "application/json"}
    await api.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
    url = f"{api.configuration.host}{path}?{urlencode({'labelSelector': _SELECTOR, **query})}"
    answer = await api.call_api(
        "GET", url, headers, _request_timeout=ClientTimeout(total=seconds, sock_read=seconds)
    )
    if not answer.response.ok:
        answer.response.close()
        answer.response.raise_for_status()
    return answer.response


def _wake(manifest: Mapping[str, Any], on_change: OnChange) -> None:
    metadata = manifest.get("metadata", {})
    labels = metadata.get("labels", {})
    for label, kind in _OWNERS:
        if label in labels:
            on_change(ObjectRef(API_VERSION, kind, metadata.get("namespace", ""), labels[label]))
