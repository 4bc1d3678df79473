"""The adapter of Optuna's studies against real databases: SQLite, and PostgreSQL where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute, TrialAttribute
from leadsman_operator.adapters.studies import OptunaStudies
from leadsman_operator.errors import Unreachable
from leadsman_operator.facts import StudyFacts, TrialFacts
from support.postgres import HAS_POSTGRES, postgres

NAME = "ml/churn/u-1"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL for the tests of this module."""
    if not HAS_POSTGRES:
        pytest.skip("there is no PostgreSQL on this machine")
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/study.db"
    address: str = request.getfixturevalue("server")
    return address


@pytest.fixture
def studies() -> Iterator[OptunaStudies]:
    """The adapter."""
    made = OptunaStudies()
    yield made
    made.close()


class Worker:
    """Another process's view of the study, through a storage of its own."""

    def __init__(self, url: str, name: str = NAME) -> None:
        """Make the study, or open it."""
        address = url.replace("postgresql://", "postgresql+psycopg://")
        self.storage = optuna.storages.RDBStorage(address)
        self.study = optuna.create_study(study_name=name, storage=self.storage, load_if_exists=True)

    def close(self) -> None:
        """Close its connections."""
        self.storage.engine.dispose()


@pytest.fixture
def worker(url: str) -> Iterator[Worker]:
    """A worker with an empty study."""
    made = Worker(url)
    yield made
    optuna.delete_study(study_name=NAME, storage=made.storage)
    made.close()


def read(studies: OptunaStudies, url: str) -> StudyFacts:
    """The study as the adapter sees it."""
    found = asyncio.run(studies.study(url, NAME))
    assert found is not None
    return found


def test_a_study_that_nobody_made_is_none(studies: OptunaStudies, url: str) -> None:
    """An empty database gets Optuna's tables and answers that there is no such study."""
    assert asyncio.run(studies.study(url, "ml/nobody/u-0")) is None


def test_a_trial_is_read_as_the_worker_wrote_it(
    studies: OptunaStudies, url: str, worker: Worker
) -> None:
    """State, values, parameters and our attributes arrive under our names."""
    worker.study.set_user_attr(StudyAttribute.BASELINE, 0.8)
    trial = worker.study.ask({"depth": IntDistribution(2, 2)})
    trial.set_user_attr(TrialAttribute.POD_UID, "p-1")
    trial.set_user_attr(TrialAttribute.RUN_ID, "r-1")
    running = read(studies, url)
    worker.study.tell(trial, 0.9)

    assert running.attributes == {StudyAttribute.BASELINE: 0.8}
    assert running.trials == (
        TrialFacts(number=0, state="RUNNING", parameters={"depth": 2}, pod_uid="p-1", run_id="r-1"),
    )
    (ended,) = read(studies, url).trials
    assert (ended.state, ended.values) == ("COMPLETE", (0.9,))
    assert ended.seconds is not None


def test_a_constraint_that_was_not_kept_makes_a_trial_infeasible(
    studies: OptunaStudies, url: str, worker: Worker
) -> None:
    """Optuna's own meaning: above 0 is not kept."""
    for size in (-1.0, 0.0, 1.0):
        trial = worker.study.ask()
        trial.set_constraint("size", size)
        worker.study.tell(trial, 1.0)

    assert [trial.feasible for trial in read(studies, url).trials] == [True, True, False]


def test_a_running_trial_is_ended_with_its_attributes(
    studies: OptunaStudies, url: str, worker: Worker
) -> None:
    """The worker's view and ours are the same afterwards, and doing it again changes nothing."""
    worker.study.ask()
    attributes: dict[str, Any] = {
        TrialAttribute.DISRUPTED: True,
        TrialAttribute.ERROR: "its pod is gone",
    }
    read(studies, url)
    for _ in range(2):
        asyncio.run(studies.fail_trial(url, NAME, 0, attributes))

    (trial,) = read(studies, url).trials
    assert (trial.state, trial.disrupted, trial.error) == ("FAIL", True, "its pod is gone")
    assert worker.study.get_trials()[0].state is TrialState.FAIL


def test_a_trial_that_has_ended_is_left_as_it_is(
    studies: OptunaStudies, url: str, worker: Worker
) -> None:
    """A worker may tell its result between our look and our word."""
    worker.study.tell(worker.study.ask(), 0.5)
    asyncio.run(studies.fail_trial(url, NAME, 0, {TrialAttribute.DISRUPTED: True}))

    (trial,) = read(studies, url).trials
    assert (trial.state, trial.disrupted) == ("COMPLETE", False)


def test_parameters_are_enqueued_once(studies: OptunaStudies, url: str, worker: Worker) -> None:
    """The next worker that asks gets them; a second word for the same trial changes nothing."""
    attributes: dict[str, Any] = {TrialAttribute.RETRY_OF: 3}
    for _ in range(2):
        asyncio.run(studies.enqueue_trial(url, NAME, {"rate": 0.25}, attributes))
    again = worker.study.ask({"rate": FloatDistribution(0, 1)})
    new = worker.study.ask({"rate": FloatDistribution(0, 1)})

    assert again.params == {"rate": 0.25}
    assert again.user_attrs == {TrialAttribute.RETRY_OF: 3}
    assert [trial.retry_of for trial in read(studies, url).trials] == [3, None]
    assert new.number == 1


def test_a_study_that_was_deleted_is_none(studies: OptunaStudies, url: str) -> None:
    """What was kept of it is forgotten, and another one of its name is read afresh."""
    worker = Worker(url)
    worker.study.tell(worker.study.ask(), 1.0)
    assert len(read(studies, url).trials) == 1
    optuna.delete_study(study_name=NAME, storage=worker.storage)

    assert asyncio.run(studies.study(url, NAME)) is None
    worker.close()
    again = Worker(url)
    assert read(studies, url).trials == ()
    optuna.delete_study(study_name=NAME, storage=again.storage)
    again.close()


def test_several_studies_are_read_at_the_same_time(studies: OptunaStudies, url: str) -> None:
    """Threads share the pool of one database, and none waits for ever."""
    workers = [Worker(url, f"ml/many/{number}") for number in range(8)]
    for number, worker in enumerate(workers):
        worker.study.tell(worker.study.ask(), float(number))

    async def read_all() -> list[StudyFacts | None]:
        names = [f"ml/many/{number}" for number in range(8)]
        return await asyncio.gather(*(studies.study(url, name) for name in names))

    found = asyncio.run(read_all())
    assert [study.trials[0].values for study in found if study] == [(float(n),) for n in range(8)]
    for worker in workers:
        optuna.delete_study(study_name=worker.study.study_name, storage=worker.storage)
        worker.close()


def test_what_has_ended_is_read_once(studies: OptunaStudies, url: str, worker: Worker) -> None:
    """A look every few seconds at a study of thousands costs what its running trials cost."""
    done = create_trial(
        state=TrialState.COMPLETE,
        value=0.5,
        params={"depth": 2},
        distributions={"depth": IntDistribution(1, 9)},
    )
    worker.study.add_trials([done] * 5)
    first = read(studies, url)
    worker.study.ask()
    second = read(studies, url)

    assert [trial.state for trial in second.trials] == ["COMPLETE"] * 5 + ["RUNNING"]
    kept = zip(first.trials, second.trials, strict=False)
    assert all(before is after for before, after in kept)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("no address", "write it as postgresql://", id="no address at all"),
        pytest.param(
            "postgresql://ann:secret@127.0.0.1:1/x", "127.0.0.1", id="nobody listens there"
        ),
        pytest.param("sqlite:////nowhere/at/all.db", "unable to open", id="a folder that is not"),
        pytest.param("mysql://ann:secret@h/x", "did not answer", id="a driver that is missing"),
    ],
)
def test_a_database_that_does_not_answer_is_unreachable(
    studies: OptunaStudies, url: str, says: str
) -> None:
    """The message helps, and never holds the password."""
    with pytest.raises(Unreachable) as caught:
        asyncio.run(studies.study(url, NAME))

    assert caught.value.reason is Reason.STUDY_UNREACHABLE
    assert says in caught.value.message
    assert "secret" not in caught.value.message


def test_words_about_what_is_not_there_are_refused(
    studies: OptunaStudies, url: str, worker: Worker
) -> None:
    """A trial or a study that is not there can't be ended or continued."""
    del worker
    with pytest.raises(Unreachable, match="no trial 7"):
        asyncio.run(studies.fail_trial(url, NAME, 7, {}))
    with pytest.raises(Unreachable, match="no study ml/other/u-2"):
        asyncio.run(studies.enqueue_trial(url, "ml/other/u-2", {}, {}))
