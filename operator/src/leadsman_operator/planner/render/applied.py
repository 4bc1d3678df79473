"""Whether a manifest has to be applied: once it is, and nobody touched our fields, it has not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from leadsman_api.labels import Annotation
from leadsman_operator.facts import Manifest


def with_hash(manifest: Manifest) -> Manifest:
    """The manifest with the hash of itself as an annotation.

    By it a field that was applied once and is left out now is noticed, which a comparison of
    the fields that are there can't see.
    """
    annotations = dict(manifest["metadata"].get("annotations", {}))
    annotations.pop(Annotation.SPEC_HASH.value, None)
    marked = {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}
    text = json.dumps(marked, sort_keys=True, separators=(",", ":"), default=str)
    annotations[Annotation.SPEC_HASH.value] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return marked


def needs_apply(desired: Manifest, live: Manifest | None) -> bool:
    """Whether applying would change anything: an object is missing or our fields drifted."""
    return live is None or not _holds(desired, live)


def _holds(desired: object, live: object) -> bool:
    """Whether all that is desired is there; what others or the API server added is left alone."""
    if desired == live:
        return True
    if isinstance(desired, Mapping):
        return isinstance(live, Mapping) and all(
            key in live and _holds(value, live[key]) if not _is_empty(value) else True
            for key, value in desired.items()
        )
    if isinstance(desired, Sequence) and not isinstance(desired, str):
        return isinstance(live, Sequence) and _holds_all(desired, live)
    return False


def _holds_all(desired: Sequence[Any], live: Sequence[Any]) -> bool:
    """Compare lists by the names of their items, else place by place."""
    if all(isinstance(item, Mapping) and "name" in item for item in desired):
        by_name = {item.get("name"): item for item in live if isinstance(item, Mapping)}
        return all(_holds(item, by_name.get(item["name"])) for item in desired)
    return len(desired) == len(live) and all(
        _holds(one, other) for one, other in zip(desired, live, strict=True)
    )


def _is_empty(value: object) -> bool:
    """The API server leaves out what is empty."""
    return value is None or value in ("", [], {}, ())
