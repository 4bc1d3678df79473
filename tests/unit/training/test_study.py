"""The study of a search: its database, its trials, and one worker at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

from leadsman_api.reasons import Reason
from leadsman_api.studies import TrialAttribute
from leadsman_api.v1alpha1.search import Search
from leadsman_training import patience
from leadsman_training.errors import ThisWorker
from leadsman_training.study import (
    alone,
    connect,
    counting,
    end_strays,
    open_study,
    persistently,
    time_spent,
)
from support.postgres import HAS_POSTGRES, postgres, restart

SEARCH = Search.model_validate({"sampler": "Random", "pruner": "None"})
BEGIN = datetime(2026, 11, 1)  # noqa: DTZ001 - as Optuna has it
NOW = (BEGIN + timedelta(hours=1)).timestamp()
BOTH = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not there is not waited for."""
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(patience, "_PAUSE_SECONDS", 0.01)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[RDBStorage]:
    """A database in a file."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    made = connect(f"sqlite:///{tmp_path}/study.db")
    yield made
    made.remove_session()
    made.engine.dispose()


@pytest.mark.parametrize(
    ("url", "where"),
    [
        pytest.param("postgresql://me:hidden@127.0.0.1:1/studies", "127.0.0.1:1/", id="no server"),
        pytest.param("mysql://me:hidden@somewhere/studies", "somewhere/studies", id="no driver"),
        pytest.param("me:hidden@somewhere", "somewhere", id="no address"),
        pytest.param("sqlite:////nowhere/study.db", "sqlite:////nowhere/study.db", id="no folder"),
    ],
)
def test_a_database_that_cant_be_had_is_named_without_its_password(url: str, where: str) -> None:
    """Another worker may have more luck."""
    with pytest.raises(ThisWorker) as refused:
        connect(url)

    assert refused.value.reason is Reason.STUDY_UNREACHABLE
    assert refused.value.message.startswith(f"the database of studies at {where}")
    assert "hidden" not in refused.value.message


def test_the_first_worker_makes_the_study_and_the_others_find_it(storage: RDBStorage) -> None:
    """With the directions of all objectives."""
    first = open_study(storage, "ml/churn/u-1", SEARCH, BOTH, 1)
    first.tell(first.ask(), [1.0, 2.0])
    second = open_study(storage, "ml/churn/u-1", SEARCH, BOTH, 2)

    assert second.directions == BOTH
    assert [trial.values for trial in second.trials] == [[1.0, 2.0]]


def test_trials_that_were_taken_away_or_wait_do_not_count(storage: RDBStorage) -> None:
    """The budget is for what was tried."""
    study = open_study(storage, "s", SEARCH, BOTH[:1], 1)
    study.tell(study.ask(), 1.0)
    study.tell(study.ask(), state=TrialState.FAIL)
    taken = study.ask()
    taken.set_user_attr(TrialAttribute.DISRUPTED, value=True)
    study.tell(taken, state=TrialState.FAIL)
    study.ask()
    study.enqueue_trial({"x": 1})

    assert [trial.number for trial in counting(study.trials)] == [0, 1, 3]


def a_trial(attempt: int, begin: int, end: int | None) -> FrozenTrial:
    """One of an attempt that ran from some second on, perhaps to another."""
    made = create_trial(
        state=TrialState.RUNNING if end is None else TrialState.FAIL,
        user_attrs={TrialAttribute.ATTEMPT: attempt},
    )
    made.datetime_start = BEGIN + timedelta(seconds=begin)
    made.datetime_complete = BEGIN + timedelta(seconds=end) if end is not None else None
    return made


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        pytest.param([], 0, id="no trial"),
        pytest.param([(2, 0, 10), (2, 5, 20)], 20, id="two workers"),
        pytest.param([(2, 0, 30), (2, 5, 20)], 30, id="one in the time of another"),
        pytest.param([(2, 500, 530), (2, 0, 10)], 40, id="a pause"),
        pytest.param([(1, 0, 400), (2, 500, 505)], 5, id="an attempt before"),
    ],
)
def test_pauses_and_earlier_attempts_cost_no_time(
    times: Sequence[tuple[int, int, int | None]], seconds: int
) -> None:
    """A search that goes on has all of its timeout again."""
    trials = [a_trial(*one) for one in times]

    assert time_spent(trials, 2, NOW) == timedelta(seconds=seconds)


def test_a_trial_that_still_runs_takes_time() -> None:
    """Until now, and one that waits takes none."""
    waiting = create_trial(state=TrialState.WAITING, user_attrs={TrialAttribute.ATTEMPT: 1})

    assert time_spent([waiting], 1, NOW) == timedelta(0)
    assert time_spent([a_trial(1, 0, None), waiting], 1, NOW) == timedelta(hours=1)


def claims(storage: RDBStorage, names: list[str]) -> int:
    """How many at most were in at the same time, each for the study of a name."""
    within, most = 0, 0
    count = threading.Lock()
    start = threading.Barrier(len(names))

    def claim(name: str) -> None:
        nonlocal within, most
        start.wait()
        for _ in range(5):
            with alone(storage, name):
                with count:
                    within += 1
                    most = max(most, within)
                threading.Event().wait(0.002)
                with count:
                    within -= 1

    threads = [threading.Thread(target=claim, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return most


def test_one_at_a_time_claims_trials(storage: RDBStorage) -> None:
    """In one process."""
    assert claims(storage, ["s", "s", "s"]) == 1


@pytest.fixture
def database() -> Iterator[RDBStorage]:
    """A PostgreSQL."""
    with postgres() as url:
        made = connect(url)
        yield made
        made.remove_session()
        made.engine.dispose()


@pytest.mark.skipif(not HAS_POSTGRES, reason="the machine has no PostgreSQL")
def test_one_at_a_time_claims_trials_in_postgresql(database: RDBStorage) -> None:
    """Each connection is another pod there; what fails inside leaves the way free."""
    with pytest.raises(KeyError), alone(database, "s"):
        raise KeyError

    assert claims(database, ["s", "s", "s"]) == 1


@contextmanager
def other(storage: RDBStorage) -> Iterator[Connection]:
    """A connection that is not one of the storage's."""
    engine = create_engine(storage.engine.url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.mark.skipif(not HAS_POSTGRES, reason="the machine has no PostgreSQL")
def test_a_claim_whose_lock_was_lost_is_void(database: RDBStorage) -> None:
    """Somebody else may have claimed meanwhile: leaving says so, and the next one is true."""
    end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid()"
    with pytest.raises(OperationalError), alone(database, "s"), other(database) as connection:
        connection.execute(text(end_all))

    assert claims(database, ["s", "s"]) == 1


def test_trials_without_a_worker_are_ended_by_who_is_alone(storage: RDBStorage) -> None:
    """Those that name no pod, and those of the pod that asks; not those of others."""
    study = open_study(storage, "s", SEARCH, BOTH[:1], 1)
    study.ask()
    for pod in ("pod-1", "pod-2"):
        study.ask().set_user_attr(TrialAttribute.POD_UID, pod)
    end_strays(storage, study, "pod-1")

    states = [trial.state for trial in study.trials]
    assert states == [TrialState.FAIL, TrialState.FAIL, TrialState.RUNNING]
    assert [trial.number for trial in counting(study.trials)] == [2]


@pytest.mark.skipif(not HAS_POSTGRES, reason="the machine has no PostgreSQL")
def test_a_database_that_restarts_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked of it is done when it is back, and none of its words are lost."""
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 30.0)
    with postgres() as server:
        made = connect(server)
        study = open_study(made, "s", SEARCH, BOTH[:1], 1)
        trial = study.ask()
        restart(server)
        persistently(lambda: study.tell(trial, 1.0), server)

        assert [one.value for one in study.trials] == [1.0]
        made.remove_session()
        made.engine.dispose()
