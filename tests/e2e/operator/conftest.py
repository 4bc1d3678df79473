"""The operator as it is installed, and the order: rights are compared when all else has run."""

from __future__ import annotations

import pytest

from support.installation import Installation, ensure_leadsman
from support.kubectl import Kubectl

LAST = "test_zz_rbac.py"


@pytest.fixture(scope="session")
def leadsman(kubectl: Kubectl) -> Installation:
    """The stack, the custom resources and the operator, from their charts."""
    return ensure_leadsman(kubectl)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Compare the operator's rights with its calls after every story was told."""
    items.sort(key=lambda item: item.path.name == LAST)
