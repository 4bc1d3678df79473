"""Samples are as large as asked for, and the same wherever they are drawn."""

from __future__ import annotations

import pytest

from leadsman_serving.sampling import Sample


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.3, 1.0])
def test_a_sample_has_its_share_of_numbered_ids(share: float) -> None:
    """Ids that differ in their last digits alone are spread evenly, in each part of the count."""
    sample = Sample(share)
    for start in (0, 1_000_000):
        ids = (f"6f1f0a2b3c4d-{number:x}".encode() for number in range(start, start + 20_000))
        found = sum(map(sample.has, ids)) / 20_000

        # Four standard deviations of what chance alone would do.
        assert found == pytest.approx(share, abs=4 * (share * (1 - share) / 20_000) ** 0.5)


def test_a_larger_sample_holds_the_smaller() -> None:
    """Who raises the share still sees what was seen before."""
    ids = [f"{number:032x}".encode() for number in range(1000)]
    small = [one for one in ids if Sample(0.1).has(one)]

    assert small
    assert all(Sample(0.2).has(one) for one in small)


def test_an_id_is_in_the_sample_or_not_for_ever() -> None:
    """The decision is a fact of the id: processes of today and tomorrow agree on it."""
    chosen = [number for number in range(400) if Sample(0.01).has(b"request-%d" % number)]

    assert chosen == [46, 51, 114, 198, 328]
