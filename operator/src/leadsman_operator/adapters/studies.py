"""Databases of Optuna studies, as `Studies`.

Optuna's storages block, so that each call runs in a thread. A study is read incrementally:
trials that have ended never change, and are neither read nor translated again.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import optuna
from optuna.exceptions import OptunaError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, RDBStorage, get_storage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from leadsman_api.reasons import Reason
from leadsman_api.studies import TrialAttribute, study_database
from leadsman_operator.errors import Unreachable
from leadsman_operator.facts import StudyFacts, TrialFacts

_TIMEOUT_SECONDS = 5
_LONGEST_CALL_SECONDS = 30.0
"""Several queries make a call; a thread that hangs is left behind after this time."""
_MOST_DATABASES, _MOST_STUDIES = 32, 512
_CONNECTIONS, _MORE_CONNECTIONS = 2, 3
_LONGEST_COMPLAINT = 500

Key = TypeVar("Key")
Value = TypeVar("Value")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Seen:
    """The trials as they were read last."""

    trials: tuple[TrialFacts, ...] = ()
    """In the order of their numbers, which have no gaps."""
    open: tuple[int, ...] = ()
    """Numbers of those that had not ended."""


@dataclass(slots=True)
class _Study:
    """What is kept of a study between two looks."""

    storage: BaseStorage
    number: int
    seen: _Seen = field(default_factory=_Seen)


class OptunaStudies:
    """All databases that runs name, each through a small pool of connections."""

    def __init__(self) -> None:
        """Begin without any connection."""
        # Optuna writes to stderr by itself, and tells every new study.
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._lock = threading.Lock()
        self._databases: OrderedDict[str, RDBStorage] = OrderedDict()
        self._studies: OrderedDict[tuple[str, str], _Study] = OrderedDict()

    async def study(self, url: str, name: str) -> StudyFacts | None:
        """A study with its trials; None when there is none."""
        return await self._call(url, lambda: self._read(url, name))

    async def fail_trial(
        self, url: str, name: str, number: int, attributes: Mapping[str, Any]
    ) -> None:
        """End a running trial as failed; harmless when it has ended."""
        await self._call(url, lambda: self._fail(url, name, number, attributes))

    async def enqueue_trial(
        self, url: str, name: str, parameters: Mapping[str, Any], attributes: Mapping[str, Any]
    ) -> None:
        """Have the parameters tried next; harmless when a trial with the attributes is there."""
        await self._call(url, lambda: self._enqueue(url, name, parameters, attributes))

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for database in self._databases.values():
                database.engine.dispose()
            self._databases.clear()
            self._studies.clear()

    # In a thread

    def _read(self, url: str, name: str) -> StudyFacts | None:
        study = self._open(url, name)
        if study is None:
            return None
        # Before the trials are read: a thread that was left behind may write it meanwhile.
        before = study.seen
        try:
            attributes = study.storage.get_study_user_attrs(study.number)
            trials = study.storage.get_all_trials(study.number, deepcopy=False)
        except KeyError:
            # It was deleted since.
            self._forget(url, name)
            return None
        study.seen = seen = _seen(before, trials)
        return StudyFacts(seen.trials, attributes)

    def _fail(self, url: str, name: str, number: int, attributes: Mapping[str, Any]) -> None:
        study = self._existing(url, name)
        storage = study.storage
        try:
            trial = storage.get_trial_id_from_study_id_trial_number(study.number, number)
            # A trial that has ended takes no attributes.
            for key, value in attributes.items():
                storage.set_trial_user_attr(trial, str(key), value)
            storage.set_trial_state_values(trial, TrialState.FAIL)
        except UpdateFinishedTrialError:
            return
        except KeyError as error:
            raise _unreachable(url, f"study {name} has no trial {number}") from error

    def _enqueue(
        self, url: str, name: str, parameters: Mapping[str, Any], attributes: Mapping[str, Any]
    ) -> None:
        study = self._existing(url, name)
        wanted = {str(key): value for key, value in attributes.items()}.items()
        trials = study.storage.get_all_trials(study.number, deepcopy=False)
        if any(wanted <= trial.user_attrs.items() for trial in trials):
            return
        # What Study.enqueue_trial does, without loading a study with a sampler.
        waiting = create_trial(
            state=TrialState.WAITING,
            system_attrs={"fixed_params": dict(parameters)},
            user_attrs=dict(wanted),
        )
        study.storage.create_new_trial(study.number, waiting)

    def _existing(self, url: str, name: str) -> _Study:
        study = self._open(url, name)
        if study is None:
            raise _unreachable(url, f"it has no study {name}")
        return study

    def _open(self, url: str, name: str) -> _Study | None:
        """A study with what is known of it; None when the database has none of that name."""
        with self._lock:
            known = _used(self._studies, (url, name))
        if known is not None:
            return known
        # Each study has a cache of its own, which is forgotten together with it.
        storage = get_storage(self._database(url))
        try:
            found = _Study(storage, storage.get_study_id_from_name(name))
        except KeyError:
            return None
        with self._lock:
            found = self._studies.setdefault((url, name), found)
            _drop_oldest(self._studies, _MOST_STUDIES)
        return found

    def _forget(self, url: str, name: str) -> None:
        with self._lock:
            self._studies.pop((url, name), None)

    def _database(self, url: str) -> RDBStorage:
        with self._lock:
            known = _used(self._databases, url)
        if known is not None:
            return known
        made = _connect(url)
        with self._lock:
            kept = self._databases.setdefault(url, made)
            gone = _drop_oldest(self._databases, _MOST_DATABASES)
        for database in [*gone, *([made] if kept is not made else [])]:
            database.engine.dispose()
        return kept

    async def _call(self, url: str, work: Callable[[], Result]) -> Result:
        try:
            async with asyncio.timeout(_LONGEST_CALL_SECONDS):
                return await asyncio.to_thread(work)
        except TimeoutError as error:
            raise _unreachable(url, f"no answer in {_LONGEST_CALL_SECONDS:g} s") from error
        except ArgumentError as error:
            # Its own words may hold the password.
            message = "write it as postgresql://user:password@host/name"
            raise Unreachable(
                Reason.STUDY_UNREACHABLE, f"the address of the study's database is none: {message}"
            ) from error
        except (SQLAlchemyError, OptunaError, ImportError, RuntimeError) as error:
            # A RuntimeError is Optuna's word for tables of another version.
            raise _unreachable(url, _complaint(error)) from error


def _connect(url: str) -> RDBStorage:
    """A storage whose every wait has an end.

    It makes Optuna's tables where there are none, so that workers which start together find
    them already.
    """
    address = make_url(study_database(url))
    return RDBStorage(
        address.render_as_string(hide_password=False),
        engine_kwargs={
            "pool_pre_ping": True,
            "pool_size": _CONNECTIONS,
            "max_overflow": _MORE_CONNECTIONS,
            "pool_timeout": _TIMEOUT_SECONDS,
            "connect_args": _limits(address),
        },
    )


def _limits(address: URL) -> dict[str, Any]:
    """How long to wait, in the words of each driver."""
    kind = address.get_backend_name()
    if kind == "postgresql":
        return {
            "connect_timeout": _TIMEOUT_SECONDS,
            "tcp_user_timeout": _TIMEOUT_SECONDS * 1000,
            # A pooler in front of the database may give each query another connection.
            "prepare_threshold": None,
            # Where the server names no encoding, the driver would give bytes.
            "client_encoding": "utf8",
        }
    return {"timeout" if kind == "sqlite" else "connect_timeout": _TIMEOUT_SECONDS}


def _seen(before: _Seen, trials: Sequence[FrozenTrial]) -> _Seen:
    """The trials as they are now; those that had ended are not looked at, however many they are."""
    old = len(before.trials)
    facts = [*before.trials, *map(_facts, trials[old:])]
    for number in before.open:
        facts[number] = _facts(trials[number])
    read = (*before.open, *range(old, len(trials)))
    still = (number for number in read if not trials[number].state.is_finished())
    return _Seen(tuple(facts), tuple(still))


def _facts(trial: FrozenTrial) -> TrialFacts:
    attributes = trial.user_attrs
    duration = trial.duration
    return TrialFacts(
        number=trial.number,
        state=trial.state.name,
        values=tuple(trial.values or ()),
        parameters=dict(trial.params),
        feasible=all(value <= 0 for value in trial.constraints.values()),
        pod_uid=attributes.get(TrialAttribute.POD_UID),
        run_id=attributes.get(TrialAttribute.RUN_ID),
        error=attributes.get(TrialAttribute.ERROR),
        disrupted=bool(attributes.get(TrialAttribute.DISRUPTED)),
        retry_of=attributes.get(TrialAttribute.RETRY_OF),
        doublings=attributes.get(TrialAttribute.DOUBLINGS, 0),
        seconds=duration.total_seconds() if duration is not None else None,
    )


def _used(kept: OrderedDict[Key, Value], key: Key) -> Value | None:
    """What is kept, now the one that was used last."""
    if key not in kept:
        return None
    kept.move_to_end(key)
    return kept[key]


def _drop_oldest(kept: OrderedDict[Key, Value], most: int) -> list[Value]:
    return [kept.popitem(last=False)[1] for _ in range(len(kept) - most)]


def _unreachable(url: str, complaint: str) -> Unreachable:
    where = make_url(url).render_as_string(hide_password=True)
    return Unreachable(
        Reason.STUDY_UNREACHABLE, f"the study's database {where} did not answer: {complaint}"
    )


def _complaint(error: Exception) -> str:
    """The driver's own words, without SQLAlchemy's about its documentation."""
    cause = error.__cause__ or error
    first = str(getattr(cause, "orig", None) or cause).strip().partition("\n(Background")[0]
    return " ".join(first.split())[:_LONGEST_COMPLAINT]
