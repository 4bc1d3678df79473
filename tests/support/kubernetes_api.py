"""A small Kubernetes API over HTTP, in memory: what kopf and the Lease need of it, and no more.

Discovery, get, list, watch, create, replace, merge and JSON patches, finalizers, and versions that
refuse a stale write. Every call is remembered as `verb resource`, as RBAC would name it.
"""

from __future__ import annotations

import asyncio
import copy
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import jsonpatch
from aiohttp import web

__all__ = ["KubernetesApi"]

Manifest = dict[str, Any]
Result = TypeVar("Result")
Key = tuple[str, str, str]
"""Resource, namespace and name."""

_RESOURCES = {
    "": ("v1", {"namespaces": "Namespace", "events": "Event"}),
    "apiextensions.k8s.io": ("v1", {"customresourcedefinitions": "CustomResourceDefinition"}),
    "coordination.k8s.io": ("v1", {"leases": "Lease"}),
    "leadsman.dev": (
        "v1alpha1", {"modeldeployments": "ModelDeployment", "trainingruns": "TrainingRun"}
    ),
}  # fmt: skip
_SUBRESOURCES = ("status",)


@dataclass
class KubernetesApi:
    """The objects, who watches them, and what was asked."""

    objects: dict[Key, Manifest] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    address: str = ""
    user: str = "me"
    """Who everybody is."""
    known_groups: set[str] = field(default_factory=lambda: set(_RESOURCES))
    """Groups that discovery lists: take one away for resources that are not installed."""
    _version: int = 100
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _watchers: list[tuple[str, str, asyncio.Queue[Manifest]]] = field(default_factory=list)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Listen on a free port until the block ends; gives the address.

        In a thread of its own, as another process would: none of its tasks is in the way of
        what is tested.
        """
        started: Future[str] = Future()
        thread = threading.Thread(target=asyncio.run, args=[self._listen(started)])
        thread.start()
        try:
            yield started.result(timeout=30)
        finally:
            self._on_loop(self._stop.set)
            thread.join()
            self._loop = None

    async def _listen(self, started: Future[str]) -> None:
        self._loop = asyncio.get_running_loop()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        # The watches of clients that have gone end with the server.
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        started.set_result(self.address)
        await self._stop.wait()
        await runner.cleanup()

    def _on_loop(self, deed: Callable[[], Result]) -> Result:
        """Do it where the requests are answered, one after the other."""
        if self._loop is None:
            return deed()

        async def done() -> Result:
            return deed()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(timeout=30)

    def write_kubeconfig(self, path: Path) -> Path:
        """A file that points clients here."""
        config = {
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
            "clusters": [{"name": "here", "cluster": {"server": self.address}}],
            "users": [{"name": "me", "user": {"token": "secret"}}],
        }
        path.write_text(json.dumps(config))  # JSON is YAML
        return path

    def create(self, resource: str, manifest: Manifest) -> Manifest:
        """Create an object as a user does."""
        return self._on_loop(lambda: self._create(resource, manifest))

    def change(self, resource: str, name: str, patch: Manifest, namespace: str = "ml") -> Manifest:
        """Merge a patch into an object as a user does."""
        return self._on_loop(lambda: self._change((resource, namespace, name), patch))

    def delete(self, resource: str, name: str, namespace: str = "ml") -> None:
        """Delete an object as a user does: at once, or when its finalizers are gone."""
        self._on_loop(lambda: self._delete((resource, namespace, name)))

    def _create(self, resource: str, manifest: Manifest) -> Manifest:
        stored = copy.deepcopy(manifest)
        metadata = stored["metadata"]
        metadata.setdefault("namespace", "ml")
        self._version += 1
        metadata |= {"uid": f"uid-{self._version}", "creationTimestamp": "2026-01-01T00:00:00Z"}
        return self._store(resource, stored, "ADDED")

    def _change(self, key: Key, patch: Manifest) -> Manifest:
        return self._store(key[0], _merged(self.objects[key], patch), "MODIFIED")

    def _delete(self, key: Key) -> None:
        found = self.objects[key]
        if found["metadata"].get("finalizers"):
            self._change(key, {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
        else:
            self._remove(key[0], found)

    def _remove(self, resource: str, found: Manifest) -> None:
        metadata = found["metadata"]
        del self.objects[resource, metadata["namespace"], metadata["name"]]
        self._tell(resource, "DELETED", found)

    def _store(self, resource: str, manifest: Manifest, kind: str) -> Manifest:
        self._version += 1
        metadata = manifest["metadata"]
        metadata["resourceVersion"] = str(self._version)
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            self._remove(resource, manifest)
            return manifest
        self.objects[resource, metadata["namespace"], metadata["name"]] = manifest
        self._tell(resource, kind, manifest)
        return manifest

    def _tell(self, resource: str, kind: str, manifest: Manifest) -> None:
        for watched, namespace, queue in self._watchers:
            if watched == resource and namespace in ("", manifest["metadata"]["namespace"]):
                queue.put_nowait({"type": kind, "object": copy.deepcopy(manifest)})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        is_core = parts[0] == "api"
        group = "" if is_core or len(parts) == 1 else parts[1]
        rest = parts[2:] if is_core else parts[3:]
        if not rest:
            return self._discover(group, parts)
        return await self._answer_about(request, rest)

    async def _answer_about(self, request: web.Request, rest: list[str]) -> web.StreamResponse:
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        resource, name, *subresource = [*rest, ""] if len(rest) == 1 else rest
        verb = self._verb(request, name)
        self.calls.append(" ".join([verb, "/".join([resource, *subresource])]))
        if resource == "selfsubjectreviews":
            return web.json_response({"status": {"userInfo": {"username": self.user}}}, status=201)
        if verb == "watch":
            return await self._watch(request, resource, namespace)
        if verb == "list":
            return self._list(resource, namespace)
        body = json.loads(await request.text() or "null")
        return self._write(verb, (resource, namespace, name), body, request.content_type)

    @staticmethod
    def _verb(request: web.Request, name: str) -> str:
        if request.method == "GET" and not name:
            return "watch" if request.query.get("watch") else "list"
        verbs = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch"}
        return verbs[request.method]

    def _discover(self, group: str, parts: list[str]) -> web.Response:
        if parts == ["api"]:
            return web.json_response({"versions": ["v1"]})
        if parts == ["apis"]:
            groups = [
                {
                    "name": name,
                    "versions": [{"version": version}],
                    "preferredVersion": {"version": version},
                }
                for name, (version, _) in _RESOURCES.items()
                if name in self.known_groups - {""}
            ]
            return web.json_response({"groups": groups})
        if group not in self.known_groups:
            return web.json_response({"kind": "Status", "code": 404}, status=404)
        resources = [
            {"name": name, "kind": kind, "singularName": kind.lower(), "namespaced": True,
             "verbs": ["get", "list", "watch", "patch"]}
            for plural, kind in _RESOURCES[group][1].items()
            for name in (plural, *(f"{plural}/{sub}" for sub in _SUBRESOURCES))
        ]  # fmt: skip
        return web.json_response({"resources": resources})

    def _list(self, resource: str, namespace: str) -> web.Response:
        items = [
            found
            for (kind, space, _), found in self.objects.items()
            if kind == resource and namespace in ("", space)
        ]
        kinds = {name: kind for _, known in _RESOURCES.values() for name, kind in known.items()}
        return web.json_response(
            {
                "kind": f"{kinds.get(resource, resource)}List",
                "apiVersion": "leadsman.dev/v1alpha1",
                "metadata": {"resourceVersion": str(self._version)},
                "items": items,
            }
        )

    async def _watch(
        self, request: web.Request, resource: str, namespace: str
    ) -> web.StreamResponse:
        queue: asyncio.Queue[Manifest] = asyncio.Queue()
        since = int(request.query.get("resourceVersion", "0"))
        for (kind, space, _), found in self.objects.items():
            newer = int(found["metadata"]["resourceVersion"]) > since
            if kind == resource and namespace in ("", space) and newer:
                queue.put_nowait({"type": "MODIFIED", "object": found})
        self._watchers.append((resource, namespace, queue))
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            event = await queue.get()
            await response.write(json.dumps(event).encode() + b"\n")

    def _write(self, verb: str, key: Key, body: Any, content_type: str) -> web.Response:
        resource, namespace, name = key
        if verb == "create":
            if (resource, namespace, body["metadata"]["name"]) in self.objects:
                return _refused(409, "it exists already")
            return web.json_response(self._create(resource, body), status=201)
        found = self.objects.get((resource, namespace, name))
        if found is None:
            return _refused(404, "there is none")
        if verb == "get":
            return web.json_response(found)
        try:
            changed = _changed(verb, found, body, content_type)
        except _Stale as error:
            return _refused(error.code, "it has changed")
        return web.json_response(self._store(resource, changed, "MODIFIED"))


class _Stale(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _changed(verb: str, found: Manifest, body: Any, content_type: str) -> Manifest:
    """What a write makes of an object."""
    if verb == "update":
        if body["metadata"].get("resourceVersion") != found["metadata"]["resourceVersion"]:
            raise _Stale(409)
        return _merged(found, body)
    if content_type != "application/json-patch+json":
        return _merged(found, body)
    try:
        result: Manifest = jsonpatch.apply_patch(found, body)
    except jsonpatch.JsonPatchTestFailed as error:
        raise _Stale(422) from error
    return result


def _merged(target: Manifest, patch: Manifest) -> Manifest:
    """RFC 7386."""
    result = copy.deepcopy(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = _merged(result.get(key) or {}, value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def _refused(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "code": code, "message": message}, status=code)
