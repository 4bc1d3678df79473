"""Options and gates that every test shares."""

from __future__ import annotations

import pytest
from hypothesis import settings

# No test depends on how busy a machine is, and whoever runs one again sees the same.
settings.register_profile("leadsman", deadline=None, derandomize=True)
settings.load_profile("leadsman")
pytest.register_assert_rewrite("support")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--e2e`: without it the tests that need a cluster are not collected."""
    parser.addoption("--e2e", action="store_true", help="run the tests that need the cluster")
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files instead of comparing them"
    )


def pytest_ignore_collect(collection_path: object, config: pytest.Config) -> bool | None:
    """Leave `tests/e2e` out unless it was asked for."""
    if "/tests/e2e" in str(collection_path) and not config.getoption("--e2e"):
        return True
    return None
