"""The Lease of the operator's replicas in the Kubernetes API, as a `LeaseStore`.

Written as JSON: the generated models lose the microseconds that the API server insists on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError
from kubernetes.aio.client import ApiClient

from leadsman_api.labels import MANAGED_BY, Label
from leadsman_api.reasons import Reason
from leadsman_operator.errors import Conflict, Refused, Unreachable
from leadsman_operator.leadership import LeaseRecord
from leadsman_operator.ports import Clock

_TIMEOUT_SECONDS = 3.0
_OK, _NOT_FOUND, _CONFLICT, _TOO_MANY, _SERVERS_FAULT = 299, 404, 409, 429, 500


@dataclass(frozen=True, slots=True)
class KubernetesLease:
    """The Lease of one name."""

    api: ApiClient
    namespace: str
    name: str
    clock: Clock

    async def read(self) -> LeaseRecord | None:
        """The Lease; None when there is none."""
        status, found = await self._call("GET", self._path(self.name))
        return None if status == _NOT_FOUND else _record(found)

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Store it with the present time; Conflict when another version is stored."""
        now = f"{self.clock.now():%Y-%m-%dT%H:%M:%S.%f}Z"
        spec = {
            "holderIdentity": record.holder,
            "leaseDurationSeconds": record.seconds,
            "leaseTransitions": record.transitions,
            "acquireTime": record.acquired_at or now,
            "renewTime": now,
        }
        metadata: dict[str, Any] = {
            "name": self.name,
            "namespace": self.namespace,
            "labels": {str(Label.MANAGED_BY): MANAGED_BY},
        }
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": spec}
        if record.version:
            metadata["resourceVersion"] = record.version
            status, stored = await self._call("PUT", self._path(self.name), metadata, lease)
        else:
            status, stored = await self._call("POST", self._path(), metadata, lease)
        if status == _NOT_FOUND:
            raise Conflict(Reason.CLUSTER_UNREACHABLE, f"{self._title} is gone")
        return _record(stored)

    @property
    def _title(self) -> str:
        return f"lease {self.namespace}/{self.name}"

    def _path(self, name: str = "") -> str:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases"
        return f"{path}/{name}" if name else path

    async def _call(
        self,
        method: str,
        path: str,
        metadata: dict[str, Any] | None = None,
        lease: dict[str, Any] | None = None,
    ) -> tuple[int, Any]:
        """Status and body of an answer that is no error, or that says that nothing is there."""
        body = None if lease is None else {**lease, "metadata": metadata}
        try:
            request = await self.api.param_serialize(
                method, path, body=body, auth_settings=["BearerToken"]
            )
            answer = await self.api.call_api(*request, _request_timeout=_TIMEOUT_SECONDS)
            text: bytes = await answer.response.read()
        except (ClientError, TimeoutError, OSError) as error:
            message = f"{method} {self._title}: {type(error).__name__} {error}"
            raise Unreachable(Reason.CLUSTER_UNREACHABLE, message) from error
        self._check(method, answer.status, text)
        return answer.status, json.loads(text)

    def _check(self, method: str, status: int, text: bytes) -> None:
        if status <= _OK or (status == _NOT_FOUND and method != "POST"):
            return
        message = f"{method} {self._title}: {status} {text[:500].decode(errors='replace')}"
        if status == _CONFLICT:
            raise Conflict(Reason.CLUSTER_UNREACHABLE, message)
        if status >= _SERVERS_FAULT or status == _TOO_MANY:
            raise Unreachable(Reason.CLUSTER_UNREACHABLE, message)
        raise Refused(Reason.REFUSED, message)


def _record(lease: Any) -> LeaseRecord:  # noqa: ANN401 - JSON
    spec = lease.get("spec", {})
    return LeaseRecord(
        holder=spec.get("holderIdentity") or "",
        seconds=spec.get("leaseDurationSeconds") or 1,
        transitions=spec.get("leaseTransitions") or 0,
        acquired_at=spec.get("acquireTime") or "",
        version=lease["metadata"]["resourceVersion"],
    )
