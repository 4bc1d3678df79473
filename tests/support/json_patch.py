"""JSON patches as the API server carries them out: whole or not at all.

The three operations that the operator writes: https://www.rfc-editor.org/rfc/rfc6902
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["TestFailed", "patched"]


class TestFailed(Exception):
    """What the patch was made for is not there any more."""

    __test__ = False


def patched(document: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The document after the patch; raises TestFailed."""
    made = copy.deepcopy(dict(document))
    for operation in operations:
        *way, last = [part for part in operation["path"].split("/") if part]
        place: Any = made
        try:
            for part in way:
                place = place[_key(place, part)]
            key = _key(place, last)
            if operation["op"] == "test":
                _test(place[key], operation)
            else:
                assert operation["op"] == "add"
                place[key] = operation["value"]
        except (KeyError, IndexError) as error:
            raise TestFailed(operation["path"]) from error
    return made


def _key(place: Any, part: str) -> Any:
    return int(part) if isinstance(place, list) else part


def _test(found: object, operation: Mapping[str, Any]) -> None:
    if found != operation["value"]:
        raise TestFailed(operation["path"])
