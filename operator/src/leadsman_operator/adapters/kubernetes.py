"""The Kubernetes API, as a `Cluster`.

Objects go in and come out as JSON: the planner renders full manifests and compares them with
what the API server has, and generated models would lose fields that they do not know.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientError
from kubernetes.aio.client import ApiClient

from leadsman_api.labels import FIELD_MANAGER
from leadsman_api.reasons import Reason
from leadsman_operator.adapters.kinds import path_of
from leadsman_operator.errors import Conflict, Refused, Unreachable
from leadsman_operator.facts import Manifest, ObjectRef
from leadsman_operator.ports import Clock

_TIMEOUT_SECONDS = 10.0
_OK, _NOT_FOUND, _CONFLICT, _TOO_MANY, _SERVERS_FAULT = 299, 404, 409, 429, 500
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_LONGEST_NOTE = 1000
_PAGE = 500


@dataclass(frozen=True, slots=True)
class KubernetesCluster:
    """The cluster that an API client speaks to."""

    api: ApiClient
    clock: Clock

    async def read(self, ref: ObjectRef) -> Manifest | None:
        """One object; None when it is not there."""
        status, found = await self._call("GET", _path(ref), str(ref))
        return None if status == _NOT_FOUND else _without_managers(found)

    async def select(
        self, api_version: str, kind: str, namespace: str, labels: Mapping[str, str]
    ) -> Sequence[Manifest]:
        """The objects of a namespace that carry the labels."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        path = path_of(api_version, kind, namespace)
        found: list[Manifest] = []
        more = ""
        while True:
            query = {"labelSelector": selector, "limit": str(_PAGE), "continue": more}
            _, page = await self._call("GET", f"{path}?{urlencode(query)}", f"{kind.lower()}s")
            # Items of a list don't name their kind.
            found.extend(
                _without_managers({"apiVersion": api_version, "kind": kind, **item})
                for item in page.get("items", [])
            )
            more = page.get("metadata", {}).get("continue", "")
            if not more:
                return found

    async def apply(self, manifest: Manifest) -> None:
        """Server-side apply with our field manager; takes fields over from others."""
        ref = ObjectRef.of(manifest)
        query = urlencode({"fieldManager": FIELD_MANAGER, "force": "true"})
        await self._call("PATCH", f"{_path(ref)}?{query}", str(ref), manifest, _APPLY)

    async def delete(self, ref: ObjectRef) -> None:
        """Delete with all that it owns; harmless when it is not there."""
        options = {"propagationPolicy": "Background"}
        await self._call("DELETE", _path(ref), str(ref), options)

    async def scale(self, ref: ObjectRef, replicas: int) -> None:
        """Set the scale subresource."""
        body = {"spec": {"replicas": replicas}}
        await self._call("PATCH", f"{_path(ref)}/scale", str(ref), body, _MERGE)

    async def write_status(self, manifest: Manifest) -> None:
        """Replace the status of one of our resources; Conflict when the object has changed."""
        ref = ObjectRef.of(manifest)
        status, _ = await self._call("PUT", f"{_path(ref)}/status", f"status of {ref}", manifest)
        if status == _NOT_FOUND:
            raise Conflict(Reason.CLUSTER_UNREACHABLE, f"{ref} is gone")

    async def record_event(
        self, about: Manifest, reason: str, message: str, *, warning: bool
    ) -> None:
        """Record an Event about a resource; the same one again only counts up."""
        ref = ObjectRef.of(about)
        uid = about["metadata"].get("uid", "")
        name = f"{ref.name}.{_short_hash(uid, reason, message)}"
        event = ObjectRef("v1", "Event", ref.namespace, name)
        before = await self.read(event)
        now = f"{self.clock.now():%Y-%m-%dT%H:%M:%SZ}"
        manifest = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": ref.namespace},
            "involvedObject": {
                "apiVersion": ref.api_version,
                "kind": ref.kind,
                "namespace": ref.namespace,
                "name": ref.name,
                "uid": uid,
            },
            "reason": reason,
            "message": message[:_LONGEST_NOTE],
            "type": "Warning" if warning else "Normal",
            "source": {"component": FIELD_MANAGER},
            "reportingComponent": FIELD_MANAGER,
            "firstTimestamp": before["firstTimestamp"] if before else now,
            "lastTimestamp": now,
            "count": before.get("count", 1) + 1 if before else 1,
        }
        await self.apply(manifest)

    async def _call(
        self,
        method: str,
        path: str,
        what: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> tuple[int, Any]:
        """Status and body of an answer that is no error, or that says that nothing is there."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        try:
            await self.api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
            answer = await self.api.call_api(
                method,
                f"{self.api.configuration.host}{path}",
                headers,
                body,
                _request_timeout=_TIMEOUT_SECONDS,
            )
            text: bytes = await answer.response.read()
        except (ClientError, OSError, TimeoutError) as error:
            raise Unreachable(
                Reason.CLUSTER_UNREACHABLE,
                f"the Kubernetes API did not answer: {type(error).__name__} {error}",
            ) from error
        return _checked(answer.status, text.decode(errors="replace"), method, what)


def _checked(status: int, text: str, method: str, what: str) -> tuple[int, Any]:
    if status <= _OK or status == _NOT_FOUND:
        return status, json.loads(text) if text.startswith("{") else {}
    said = _message(text)
    sentence = f"{method} of {what}: {said}"
    if status == _CONFLICT:
        raise Conflict(Reason.CLUSTER_UNREACHABLE, sentence)
    if status == _TOO_MANY or status >= _SERVERS_FAULT:
        raise Unreachable(Reason.CLUSTER_UNREACHABLE, sentence)
    raise Refused(Reason.REFUSED, sentence)


def _message(text: str) -> str:
    try:
        return str(json.loads(text).get("message", text))
    except ValueError:
        return text[:_LONGEST_NOTE]


def _path(ref: ObjectRef) -> str:
    return path_of(ref.api_version, ref.kind, ref.namespace, ref.name)


def _without_managers(manifest: dict[str, Any]) -> Manifest:
    manifest.get("metadata", {}).pop("managedFields", None)
    return manifest


def _short_hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
