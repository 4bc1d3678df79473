"""Values that Secrets hold."""

from __future__ import annotations

import base64

from leadsman_operator.facts import ObjectRef
from leadsman_operator.ports import Cluster


async def secret_values(cluster: Cluster, namespace: str, name: str) -> dict[str, str] | None:
    """The decoded values of a Secret by their keys; None when there is none."""
    manifest = await cluster.read(ObjectRef("v1", "Secret", namespace, name))
    if manifest is None:
        return None
    return {
        key: base64.b64decode(value).decode(errors="replace")
        for key, value in (manifest.get("data") or {}).items()
    }
