"""Samples of requests, decided by their ids: each process that sees one decides the same."""

from __future__ import annotations

from zlib import crc32

_MASK = 0xFFFFFFFF
# An odd number without a pattern (2^32 over the golden ratio): ids that differ in their last
# digit alone have checksums that lie close together, and so are spread over all values.
_SPREAD = 0x9E3779B1


class Sample:
    """A share of all requests."""

    def __init__(self, share: float) -> None:
        """`share` from 0, nothing, to 1, everything."""
        self._below = round(share * (_MASK + 1))

    def has(self, identity: bytes) -> bool:
        """Whether the request with this id belongs to the sample."""
        return (crc32(identity) * _SPREAD & _MASK) < self._below
