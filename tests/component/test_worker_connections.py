"""A worker's connections to the database of studies, which may die while a trial runs."""

from __future__ import annotations

import optuna
import pytest
from optuna.storages import RDBStorage
from sqlalchemy import text

from leadsman_training import study
from support.postgres import HAS_POSTGRES, postgres


def end_connections(storage: RDBStorage) -> None:
    """What a database does that is started again; through another connection."""
    ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    with storage.engine.connect() as connection:
        connection.execute(text(ending))


@pytest.mark.skipif(not HAS_POSTGRES, reason="there is no PostgreSQL on this machine")
def test_a_connection_that_died_while_it_was_idle_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker goes on, and counts the trials that are there."""
    monkeypatch.setattr(study, "IDLE_SECONDS", 0.0)
    with postgres() as url:
        storage, other = study.connect(url), study.connect(url)
        made = optuna.create_study(storage=storage)
        made.tell(made.ask(), 1.0)
        end_connections(other)
        with study.alone(storage, made.study_name):
            assert len(study.counting(made.trials)) == 1
        for one in (storage, other):
            one.engine.dispose()
