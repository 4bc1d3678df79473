"""What tests of golden files share."""

from __future__ import annotations

import pytest

from support.golden import Golden


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """The golden files."""
    return Golden(update=request.config.getoption("--update-golden"))
