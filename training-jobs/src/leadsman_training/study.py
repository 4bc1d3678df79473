"""The study of a search: its samplers and pruners by name, and its budget, claimed exactly."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from leadsman_api.reasons import Reason
from leadsman_api.studies import TrialAttribute, study_database
from leadsman_api.v1alpha1.search import Search
from leadsman_training.errors import ThisWorker
from leadsman_training.samplers import pruner, sampler

_LOCAL = threading.Lock()
_CONNECT_SECONDS = 10


def connect(url: str) -> RDBStorage:
    """The database of studies; ThisWorker when it does not answer."""
    options: dict[str, Any] = {"pool_pre_ping": True}
    address = study_database(url)
    if address.startswith("postgresql"):
        options |= {
            "pool_size": 2,
            "max_overflow": 1,
            # Where the server names no encoding, the driver would give bytes.
            "connect_args": {"connect_timeout": _CONNECT_SECONDS, "client_encoding": "utf8"},
        }
    try:
        return RDBStorage(address, engine_kwargs=options)
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, ImportError) as error:
        where = url.rpartition("@")[2]
        raise ThisWorker(
            Reason.STUDY_UNREACHABLE, f"the database of studies at {where}: {error}"[:500]
        ) from error


def open_study(
    storage: RDBStorage,
    name: str,
    search: Search,
    directions: list[StudyDirection],
    seed: int,
) -> optuna.Study:
    """The study of a name, made if this worker is the first."""
    return optuna.create_study(
        storage=storage,
        study_name=name,
        sampler=sampler(search, seed),
        pruner=pruner(search),
        directions=directions,
        load_if_exists=True,
    )


@contextmanager
def alone(storage: RDBStorage, name: str) -> Iterator[None]:
    """Nobody else who comes through here works on the study meanwhile.

    PostgreSQL's advisory lock holds among pods, and goes with its connection when a pod dies;
    with SQLite there is one worker only.
    """
    if storage.engine.dialect.name != "postgresql":
        with _LOCAL:
            yield
        return
    key = zlib.crc32(name.encode())
    with storage.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
            connection.commit()


def counting(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that count for the budget: those whose pod was taken away don't."""
    trials = study.get_trials(deepcopy=False)
    return [
        trial
        for trial in trials
        if trial.state is not TrialState.WAITING
        and not trial.user_attrs.get(TrialAttribute.DISRUPTED)
    ]
