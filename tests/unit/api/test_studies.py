"""Where studies are kept, as people write it and as the driver wants it."""

from __future__ import annotations

import pytest

from leadsman_api.studies import study_database


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("postgresql://u:p@host/optuna", "postgresql+psycopg://u:p@host/optuna"),
        ("postgres://host:5432/optuna", "postgresql+psycopg://host:5432/optuna"),
        ("postgresql+psycopg2://host/optuna", "postgresql+psycopg2://host/optuna"),
        ("sqlite:////data/study.db", "sqlite:////data/study.db"),
        ("postgresql", "postgresql"),
    ],
)
def test_an_address_gets_the_driver_of_the_images(written: str, used: str) -> None:
    """Only what libpq would understand is given a driver."""
    assert study_database(written) == used
