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

from aiohttp import ClientError, ClientTimeout
from kubernetes.aio.client import ApiClient

from leadsman_api.labels import FIELD_MANAGER, USER_MANAGER
from leadsman_api.reasons import Reason
from leadsman_operator.adapters.kinds import path_of
from leadsman_operator.errors import Conflict, Refused, UnknownKind, Unreachable
from leadsman_operator.facts import Manifest, ObjectRef
from leadsman_operator.ports import Clock

_TIMEOUT = ClientTimeout(total=10.0, connect=5.0)
_OK = 299
_UNAUTHORIZED, _NOT_FOUND, _CONFLICT, _GONE, _UNPROCESSABLE, _TOO_MANY, _SERVERS_FAULT = (
    401,
    404,
    409,
    410,
    422,
    429,
    500,
)
_APPLY = "application/apply-patch+yaml"
_REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_MERGE = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_LONGEST_NOTE = 1000
_LONGEST_EVENT_PREFIX = 200
_PAGE = 500


@dataclass(frozen=True, slots=True)
class KubernetesCluster:
    """The cluster that an API client speaks to."""

    api: ApiClient
    clock: Clock

    async def read(self, ref: ObjectRef) -> Manifest | None:
        """One object; None when it is not there."""
        found = await self._call("GET", _path(ref), str(ref))
        return None if found is None else _without_managers(found)

    async def select(
        self, api_version: str, kind: str, namespace: str, labels: Mapping[str, str]
    ) -> Sequence[Manifest]:
        """The objects of a namespace that carry the labels; UnknownKind for no such kind."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        path = path_of(api_version, kind, namespace)
        found: list[Manifest] = []
        more = ""
        while True:
            query = {"labelSelector": selector, "limit": str(_PAGE), "continue": more}
            what = f"{kind.lower()}s in {namespace}"
            page = await self._call("GET", f"{path}?{urlencode(query)}", what)
            if page is None:
                raise UnknownKind(Reason.REFUSED, f"the cluster knows no {kind} of {api_version}")
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
        path = f"{_path(ref)}?{query}"
        _there(await self._call("PATCH", path, str(ref), manifest, _APPLY), str(ref))

    async def patch(self, ref: ObjectRef, operations: Sequence[Mapping[str, Any]]) -> None:
        """Carry out a JSON patch; Conflict when a test fails or the object is gone."""
        path = f"{_path(ref)}?{urlencode({'fieldManager': FIELD_MANAGER})}"
        if await self._call("PATCH", path, str(ref), list(operations), _JSON_PATCH) is None:
            raise Conflict(Reason.PROGRESSING, f"{ref} is gone")

    async def delete(self, ref: ObjectRef) -> None:
        """Delete with all that it owns; harmless when it is not there."""
        options = {"propagationPolicy": "Background"}
        await self._call("DELETE", _path(ref), str(ref), options)

    async def scale(self, ref: ObjectRef, replicas: int) -> None:
        """Set the scale subresource; Conflict when the object is gone."""
        body = {"spec": {"replicas": replicas}}
        if await self._call("PATCH", f"{_path(ref)}/scale", str(ref), body, _MERGE) is None:
            raise Conflict(Reason.PROGRESSING, f"{ref} is gone")

    async def merge(self, ref: ObjectRef, patch: Mapping[str, Any]) -> Manifest:
        """Change fields of one object by a merge patch; null takes one out."""
        query = urlencode({"fieldManager": USER_MANAGER})
        found = await self._call("PATCH", f"{_path(ref)}?{query}", str(ref), patch, _MERGE)
        return _without_managers(_there(found, str(ref)))

    async def user_name(self) -> str:
        """The name under which the API server knows us."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        found = await self._call("POST", _REVIEWS, "who we are", review)
        return str(_there(found, "who we are")["status"]["userInfo"]["username"])

    async def write_status(self, manifest: Manifest) -> None:
        """Replace the status of one of our resources; Conflict when the object has changed."""
        ref = ObjectRef.of(manifest)
        what = f"status of {ref}"
        if await self._call("PUT", f"{_path(ref)}/status", what, manifest) is None:
            raise Conflict(Reason.PROGRESSING, f"{ref} is gone")

    async def record_event(
        self, about: Manifest, reason: str, message: str, *, warning: bool
    ) -> None:
        """Record an Event about a resource; the same one again only counts up."""
        ref = ObjectRef.of(about)
        uid = about["metadata"].get("uid", "")
        prefix = ref.name[:_LONGEST_EVENT_PREFIX].rstrip("-.")
        name = f"{prefix}.{_short_hash(uid, reason, message)}"
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
            "firstTimestamp": (before or {}).get("firstTimestamp") or now,
            "lastTimestamp": now,
            "count": (before.get("count") or 1) + 1 if before else 1,
        }
        await self.apply(manifest)

    async def _call(
        self,
        method: str,
        path: str,
        what: str,
        body: Mapping[str, Any] | list[Mapping[str, Any]] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any] | None:
        """What was answered; None when the answer is that nothing is there."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        try:
            await self.api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
            answer = await self.api.call_api(
                method,
                f"{self.api.configuration.host}{path}",
                headers,
                body,
                _request_timeout=_TIMEOUT,
            )
            text: bytes = await answer.response.read()
        except (ClientError, OSError, TimeoutError) as error:
            raise Unreachable(
                Reason.CLUSTER_UNREACHABLE,
                f"the Kubernetes API did not answer: {type(error).__name__} {error}",
            ) from error
        return _checked(answer.status, text.decode(errors="replace"), method, what)


def _checked(status: int, text: str, method: str, what: str) -> dict[str, Any] | None:
    if status == _NOT_FOUND:
        return None
    if status <= _OK:
        return _parsed(text, what)
    sentence = f"{method} of {what}: {_message(text)}"
    if status in (_CONFLICT, _GONE) or _is_failed_test(status, text):
        # Gone is the rest of a list that took too long to read.
        raise Conflict(Reason.PROGRESSING, sentence)
    if status in (_UNAUTHORIZED, _TOO_MANY) or status >= _SERVERS_FAULT:
        # A token that has just been replaced is no word about the object.
        raise Unreachable(Reason.CLUSTER_UNREACHABLE, sentence)
    raise Refused(Reason.REFUSED, sentence)


def _is_failed_test(status: int, text: str) -> bool:
    """Whether a JSON patch was not for what is there: the only refusal without any details.

    A value that is not valid is told with the object and its field.
    """
    if status != _UNPROCESSABLE:
        return False
    try:
        return not json.loads(text).get("details")
    except (ValueError, AttributeError):
        return False


def _parsed(text: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unreachable(
            Reason.CLUSTER_UNREACHABLE,
            f"what answers for {what} is no Kubernetes API: {text[:_LONGEST_NOTE]!r}",
        )
    return found


def _there(found: dict[str, Any] | None, what: str) -> dict[str, Any]:
    """What has to be there: only of a single object is its absence an answer."""
    if found is None:
        raise Refused(Reason.REFUSED, f"the cluster has no place for {what}: namespace or kind")
    return found


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:_LONGEST_NOTE]


def _path(ref: ObjectRef) -> str:
    return path_of(ref.api_version, ref.kind, ref.namespace, ref.name)


def _without_managers(manifest: dict[str, Any]) -> Manifest:
    manifest.get("metadata", {}).pop("managedFields", None)
    return manifest


def _short_hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
