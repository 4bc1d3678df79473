"""kopf's memory, which stays empty: all state lies in the status, the objects and MLflow.

No handler of ours can be half done, so that kopf has nothing to note on a resource.
"""

from __future__ import annotations

from collections.abc import Iterable

import kopf
from typing_extensions import override


class NoProgress(kopf.ProgressStorage):
    """Notes no progress of handlers."""

    @override
    def fetch(self, *, key: kopf.HandlerId, body: kopf.Body) -> None:
        return None

    @override
    def store(
        self,
        *,
        key: kopf.HandlerId,
        record: kopf.ProgressRecord,
        body: kopf.Body,
        patch: kopf.Patch,
    ) -> None:
        return None

    @override
    def purge(self, *, key: kopf.HandlerId, body: kopf.Body, patch: kopf.Patch) -> None:
        return None

    @override
    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        return None

    @override
    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence


class NoDifferences(kopf.DiffBaseStorage):
    """Remembers no earlier state: diffs are never read."""

    @override
    def build(
        self, *, body: kopf.Body, extra_fields: Iterable[kopf.FieldSpec] | None = None
    ) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    @override
    def fetch(self, *, body: kopf.Body) -> None:
        return None

    @override
    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        return None
