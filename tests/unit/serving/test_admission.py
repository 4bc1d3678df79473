"""Who is let in: keys that change while the server runs, and a rate."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadsman_api.v1alpha1.serving import RateLimit
from leadsman_serving.admission import Admission, Bucket
from leadsman_serving.api_keys import ApiKeys
from leadsman_serving.errors import InvalidSettings

LATER = 100.0
"""Seconds after which it is looked again."""


class Secret:
    """A mounted Secret, changed as the kubelet does."""

    def __init__(self, folder: Path, **keys: str) -> None:
        self.folder = folder
        self._version = 0
        self.become(**keys)
        for name in keys:
            (folder / name).symlink_to(Path("..data") / name)

    def become(self, **keys: str) -> None:
        """Write a new version beside the old one, then point `..data` to it at once."""
        self._version += 1
        version = self.folder / f"..version_{self._version}"
        version.mkdir()
        for name, key in keys.items():
            (version / name).write_text(key)
        (self.folder / "..data_tmp").symlink_to(version.name)
        (self.folder / "..data_tmp").replace(self.folder / "..data")


def test_keys_are_exchanged_without_a_restart(tmp_path: Path) -> None:
    """The new key is let in and the old one no more, once the Secret is another."""
    secret = Secret(tmp_path, anna="old\n", ben="stays")
    keys = ApiKeys(tmp_path)
    assert keys.accept(b"old", 0.0)
    secret.become(anna="new", ben="stays")
    assert [keys.accept(one, LATER) for one in (b"old", b"new", b"stays")] == [False, True, True]


def test_it_is_not_looked_for_each_request(tmp_path: Path) -> None:
    """What changed is seen within a second, and until then costs nothing."""
    secret = Secret(tmp_path, anna="old")
    keys = ApiKeys(tmp_path)
    assert keys.accept(b"old", 0.0)
    secret.become(anna="new")
    assert keys.accept(b"old", 0.5)
    assert not keys.accept(b"old", 1.5)


def test_a_secret_without_keys_lets_nobody_in(tmp_path: Path) -> None:
    """Nor the empty key that a request without a header shows."""
    secret = Secret(tmp_path, anna="old")
    keys = ApiKeys(tmp_path)
    secret.become(anna=" \n")
    assert not keys.accept(b"old", LATER)
    assert not keys.accept(b"", LATER)


def test_keys_stay_when_they_can_not_be_read_again(tmp_path: Path) -> None:
    """A folder that is gone for a moment locks nobody out."""
    (tmp_path / "keys").mkdir()
    Secret(tmp_path / "keys", anna="old")
    keys = ApiKeys(tmp_path / "keys")
    (tmp_path / "keys").rename(tmp_path / "gone")
    assert keys.accept(b"old", LATER)
    assert not keys.accept(b"other", LATER)


@pytest.mark.parametrize(
    ("header", "is_let_in"),
    [
        ((b"x-api-key", b"one"), True),
        ((b"authorization", b"Bearer two"), True),
        ((b"authorization", b"bearer two"), True),
        ((b"authorization", b"Basic two"), False),
        ((b"x-api-key", b"on"), False),
        ((b"x-api-key", b""), False),
        ((b"x-api-key", b"\xff\xfe"), False),
        ((b"accept", b"one"), False),
    ],
)
def test_a_key_is_shown_in_either_header(
    tmp_path: Path, header: tuple[bytes, bytes], *, is_let_in: bool
) -> None:
    """Whatever else is sent is refused with 401."""
    Secret(tmp_path, anna="one", ben="two")
    refused = Admission(ApiKeys(tmp_path), None).refusal([(b"host", b"model"), header])
    assert (refused is None) is is_let_in
    assert refused is None or refused.status == 401


def test_no_key_at_the_start_is_an_error(tmp_path: Path) -> None:
    """A folder without a key is a mistake of whoever deployed it."""
    with pytest.raises(InvalidSettings, match="no file with a key"):
        ApiKeys(tmp_path)


def test_a_rate_allows_a_burst_and_then_its_pace() -> None:
    """Two at once, then one for each half second."""
    bucket = Bucket(RateLimit(requests_per_second=2, burst=2), now=0.0)
    taken = [bucket.take(now) for now in (0.0, 0.0, 0.0, 0.4, 0.5, 0.6, 10.0, 10.0, 10.0)]
    assert taken == [True, True, False, False, True, False, True, True, False]


def test_who_is_refused_by_the_rate_is_told_when_to_come_again() -> None:
    """429 with the seconds to wait."""
    admission = Admission(None, RateLimit(requests_per_second=0.25, burst=1))
    assert admission.refusal([]) is None
    refused = admission.refusal([])
    assert refused is not None
    assert (refused.status, refused.headers["retry-after"]) == (429, "4")
