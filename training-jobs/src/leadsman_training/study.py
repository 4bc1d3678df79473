"""The study of a search: its samplers and pruners by name, and its budget, claimed exactly."""

from __future__ import annotations

import math
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import optuna
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DisconnectionError, InterfaceError, OperationalError, SQLAlchemyError

from leadsman_api.reasons import Reason
from leadsman_api.studies import TrialAttribute, study_database
from leadsman_api.v1alpha1.search import Search
from leadsman_training.errors import ThisWorker
from leadsman_training.patience import wait_for
from leadsman_training.samplers import pruner, sampler

STUDY_ERRORS = (
    optuna.exceptions.StorageInternalError,
    optuna.exceptions.UpdateFinishedTrialError,
)
"""What a study says that is away, or whose trial has ended already."""
_LOCAL = threading.Lock()
_CONNECT_SECONDS = 10
IDLE_SECONDS = 5.0
"""A connection that was not used for so long may be dead."""
_USED_AT = "used_at"

Answer = TypeVar("Answer")


def connect(url: str) -> RDBStorage:
    """The database of studies; ThisWorker when it does not answer."""
    options: dict[str, Any] = {}
    address = study_database(url)
    if address.startswith("postgresql"):
        options = {
            "pool_size": 2,
            "max_overflow": 1,
            # Where the server names no encoding, the driver would give bytes.
            "connect_args": {"connect_timeout": _CONNECT_SECONDS, "client_encoding": "utf8"},
        }
    try:
        storage = persistently(lambda: RDBStorage(address, engine_kwargs=options), url)
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, ImportError) as error:
        raise ThisWorker(Reason.STUDY_UNREACHABLE, f"{_server(url)}: {error}"[:500]) from error
    _try_idle_connections(storage.engine)
    return storage


def _try_idle_connections(engine: Engine) -> None:
    """Before a connection is used that was idle for a while, such as during a long trial.

    `pool_pre_ping` would try it each time, and a trial takes one two dozen times.
    """

    @event.listens_for(engine, "checkin")  # codespell:ignore checkin
    def note(_connection: Any, record: Any) -> None:  # noqa: ANN401 - of any driver
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, record: Any, _proxy: Any) -> None:  # noqa: ANN401 - of any driver
        if time.monotonic() - record.info.get(_USED_AT, math.inf) < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool takes another one


def persistently(work: Callable[[], Answer], url: str) -> Answer:
    """Do something with the study, again and again while its database does not answer."""
    return wait_for(work, _server(url), Reason.STUDY_UNREACHABLE, _is_away)


def _server(url: str) -> str:
    """The database by its address, without the password."""
    return f"the database of studies at {url.rpartition('@')[2]}"


def _is_away(error: Exception) -> bool:
    """Whether it is the connection that failed: Optuna wraps whatever the driver says."""
    is_wrapped = isinstance(error, optuna.exceptions.StorageInternalError)
    return isinstance(error.__cause__ if is_wrapped else error, (OperationalError, InterfaceError))


def open_study(
    storage: RDBStorage,
    name: str,
    search: Search,
    directions: list[StudyDirection],
    seed: int,
    *,
    grouped: bool = False,
) -> optuna.Study:
    """The study of a name, made if this worker is the first.

    `grouped` has TPE take the parameters of a condition together.
    """
    return optuna.create_study(
        storage=storage,
        study_name=name,
        sampler=sampler(search, seed, grouped=grouped),
        pruner=pruner(search),
        directions=directions,
        load_if_exists=True,
    )


@contextmanager
def alone(storage: RDBStorage, name: str) -> Iterator[None]:
    """Nobody else who comes through here works on the study meanwhile.

    PostgreSQL's advisory lock holds among pods, and goes with its connection when a pod dies;
    with SQLite there is one worker only. When the connection was lost on the way, leaving raises:
    what was done may have been done by two at once.
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


def end_strays(storage: RDBStorage, study: optuna.Study, pod_uid: str) -> None:
    """End the trials that nobody runs, as far as a worker can know: as taken away.

    Only for who is `alone`, between two trials. A worker names its pod before it lets others in,
    so a trial that names none has lost its worker; and one that names this pod was given up when
    the database went away.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.user_attrs.get(TrialAttribute.POD_UID) in (None, pod_uid):
            give_back(storage, study, trial.number, "its worker lost it on the way")


def give_back(storage: RDBStorage, study: optuna.Study, number: int, error: str) -> None:
    """End a trial as taken away: it counts for nothing, and may be run again."""
    study_id = storage.get_study_id_from_name(study.study_name)
    trial_id = storage.get_trial_id_from_study_id_trial_number(study_id, number)
    storage.set_trial_user_attr(trial_id, str(TrialAttribute.DISRUPTED), value=True)
    storage.set_trial_user_attr(trial_id, str(TrialAttribute.ERROR), error)
    storage.set_trial_state_values(trial_id, TrialState.FAIL)


def counting(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that count for the budget: those whose pod was taken away don't."""
    return [
        trial
        for trial in trials
        if trial.state is not TrialState.WAITING
        and not trial.user_attrs.get(TrialAttribute.DISRUPTED)
    ]


def short_of_memory(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Trials that are to be run again with more memory, which nobody does yet."""
    again = {trial.user_attrs.get(TrialAttribute.RETRY_OF) for trial in trials}
    return [
        trial
        for trial in trials
        if trial.state is TrialState.FAIL
        and trial.user_attrs.get(TrialAttribute.DOUBLINGS)
        and trial.user_attrs.get(TrialAttribute.DISRUPTED)
        and trial.number not in again
    ]


def run_again(
    storage: RDBStorage, study: optuna.Study, lost: FrozenTrial, attributes: Mapping[str, Any]
) -> optuna.Trial:
    """A trial with the parameters of one that is lost; no other worker can ask for it.

    What is enqueued would go to whoever asks first.
    """
    template = create_trial(
        state=TrialState.RUNNING,
        system_attrs={"fixed_params": dict(lost.params)},
        user_attrs={str(TrialAttribute.RETRY_OF): lost.number, **attributes},
    )
    study.add_trial(template)
    # It has no number before it is there, and the operator may add trials at the same time.
    trials = study.get_trials(deepcopy=False)
    retry_of = TrialAttribute.RETRY_OF
    made = next(one for one in trials if one.user_attrs.get(retry_of) == lost.number)
    study_id = storage.get_study_id_from_name(study.study_name)
    number = storage.get_trial_id_from_study_id_trial_number(study_id, made.number)
    return optuna.Trial(study, number)


def feasible(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that ended with a value and kept the constraints."""
    return [
        trial
        for trial in trials
        if trial.state is TrialState.COMPLETE
        and all(value <= 0 for value in trial.constraints.values())
    ]


def sign_of(study: optuna.Study) -> int:
    """1 where more is better by the first objective, and -1 where less is."""
    return 1 if study.directions[0] is StudyDirection.MAXIMIZE else -1


def best_first(study: optuna.Study, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Trials with a value, by the first objective of their study."""
    return sorted(trials, key=lambda trial: -sign_of(study) * trial.values[0])


def time_spent(trials: Sequence[FrozenTrial], attempt: int, now: float) -> timedelta:
    """Time in which at least one trial of an attempt ran; `now` in seconds since 1970.

    So pauses, queues and the time between two attempts cost nothing of the search's timeout.
    """
    spans = [
        (trial.datetime_start.timestamp(), _ended_at(trial, now))
        for trial in trials
        if trial.user_attrs.get(TrialAttribute.ATTEMPT) == attempt and trial.datetime_start
    ]
    spent = covered = 0.0
    for begin, end in sorted(spans):
        spent += max(0.0, end - max(begin, covered))
        covered = max(covered, end)
    return timedelta(seconds=spent)


def _ended_at(trial: FrozenTrial, now: float) -> float:
    return trial.datetime_complete.timestamp() if trial.datetime_complete else now
