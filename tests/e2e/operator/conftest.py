"""The order: rights are compared when all else has run."""

from __future__ import annotations

import pytest

LAST = "test_zz_rbac.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Compare the operator's rights with its calls after every story was told."""
    items.sort(key=lambda item: item.path.name == LAST)
