"""The API keys that are accepted: the files of a mounted Secret, read anew when they change.

The kubelet changes all files of a Secret at once, by pointing the link `..data` elsewhere, so
keys are given out and withdrawn without a restart.
"""

from __future__ import annotations

import hmac
import logging
from pathlib import Path
from typing import TypeAlias

from leadsman_serving.errors import InvalidSettings

_LOOK_SECONDS = 1.0
"""How often it is looked whether the files are still the same."""
_logger = logging.getLogger(__name__)
_Look: TypeAlias = "tuple[tuple[str, int, int, int], ...]"


class ApiKeys:
    """Compares what clients show with all keys."""

    def __init__(self, folder: Path) -> None:
        """Read them; InvalidSettings where there are none: nobody is let in by mistake."""
        self._folder = folder
        try:
            self._look, self._keys = _look(folder), _read(folder)
        except OSError as error:
            raise InvalidSettings(f"LEADSMAN_API_KEYS_DIR: {error}") from error
        if not self._keys:
            raise InvalidSettings(f"LEADSMAN_API_KEYS_DIR: {folder} has no file with a key")
        self._looked_at = float("-inf")

    def accept(self, given: bytes, now: float) -> bool:
        """Whether this is a key, at a moment of any clock that only goes on."""
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            self._read_if_changed()
        found = False
        # All are compared, each in constant time: the time of a refusal tells nothing.
        for key in self._keys:
            found |= hmac.compare_digest(given, key)
        return found

    def _read_if_changed(self) -> None:
        """Take over what the files hold now; when that can't be told, what they held stays."""
        try:
            look = _look(self._folder)
            if look == self._look:
                return
            self._keys, self._look = _read(self._folder), look
        except OSError as error:
            _logger.warning("The API keys can't be read again: %s", error)
            return
        _logger.info("The API keys have changed.", extra={"keys": len(self._keys)})


def keys_in(folder: str) -> ApiKeys | None:
    """The keys of a folder; None where none are asked for."""
    return ApiKeys(Path(folder)) if folder else None


def _look(folder: Path) -> _Look:
    """What changes when a key does; links are followed, since the kubelet changes where they go."""
    stats = ((file.name, file.stat()) for file in _files(folder))
    return tuple((name, one.st_ino, one.st_size, one.st_mtime_ns) for name, one in stats)


def _read(folder: Path) -> tuple[bytes, ...]:
    return tuple(content for file in _files(folder) if (content := file.read_bytes().strip()))


def _files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.iterdir()) if file.is_file()]
