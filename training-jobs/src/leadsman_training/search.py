"""A search put together: settings, data, study and tracker."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

import mlflow
import optuna
from mlflow import MlflowClient
from mlflow.environment_variables import MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT
from optuna.storages import RDBStorage
from optuna.study import StudyDirection

from leadsman_api.conclusion import Conclusion, Reproduction
from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute
from leadsman_api.v1alpha1.objective import Direction
from leadsman_api.v1alpha1.trainer import Algorithm
from leadsman_training import champion, fitting, quality, scores
from leadsman_training.candidate import Candidate, classification_of, load_function
from leadsman_training.conclude import Conclude
from leadsman_training.data import Split, Table, load, split
from leadsman_training.errors import NoUse
from leadsman_training.mlflow_dataset import log_dataset
from leadsman_training.pin import Pin, began_with, pin_all, pin_of
from leadsman_training.reproduce import Again, recorded
from leadsman_training.samplers import sampler
from leadsman_training.settings import Settings
from leadsman_training.sources import at_revision
from leadsman_training.spread import Drift, drift_of
from leadsman_training.study import alone, connect, counting, open_study, persistently
from leadsman_training.tracking import Tracker, patiently
from leadsman_training.warm_start import enqueue_champion, enqueue_defaults, enqueue_study
from leadsman_training.worker import Worker

_LONGEST_MESSAGE = 900
_logger = logging.getLogger(__name__)


def work(settings: Settings) -> tuple[Reason, int]:
    """Take trials until the search has ended; gives why, and how many there were."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = connect(settings.study_url)
    client = _client(settings)
    seed, directions = settings.search.seed + settings.worker, _directions(settings)
    grouped = len(directions) == 1 and _has_conditions(settings)
    study = persistently(
        lambda: open_study(
            storage, settings.study, settings.search, directions, seed, grouped=grouped
        ),
        settings.study_url,
    )
    candidate, table = _prepare_as_all(settings, storage, study)

    def begin() -> None:
        # The first who comes, so that nobody claims a trial before those that come first.
        with alone(storage, settings.study):
            _begin(settings, storage, study, candidate, table, client)

    persistently(begin, settings.study_url)
    tracker = Tracker(settings, client, table.digest)
    proposing = partial(sampler, settings.search, grouped=grouped)
    end = Worker(settings, storage, study, candidate, tracker, proposing).run()
    return end, len(counting(study.get_trials(deepcopy=False)))


def conclude(settings: Settings) -> Conclusion:
    """End the search: fit, judge, register."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.load_study(study_name=settings.study, storage=connect(settings.study_url))
    candidate, table = prepare(settings, pin=began_with(study))
    return Conclude(settings, study, candidate, table, _client(settings)).run()


def reproduce(settings: Settings) -> Reproduction:
    """Train a version again; NoUse when nothing was recorded of it."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    asked = settings.resource.spec.reproduce
    if asked is None:
        raise NoUse(Reason.SPEC_INVALID, "write spec.reproduce.version")
    client = _client(settings)
    known = recorded(settings, client, asked)
    candidate, table = prepare(settings, known.seed if asked.seed is None else asked.seed)
    candidate = replace(candidate, space=known.space)
    return Again(settings, asked, known, candidate, table, client).run()


def _prepare_as_all(
    settings: Settings, storage: RDBStorage, study: optuna.Study
) -> tuple[Candidate, Table]:
    """Read the data that the search began with, or begin it with what is there now."""
    url = settings.study_url
    known = persistently(lambda: pin_of(study), url)
    candidate, table = prepare(settings, pin=known)
    if known is None:
        pin = persistently(lambda: pin_all(storage, study, table), url)
        if pin.digest != table.digest:
            # Another worker was faster, and between the two the data has moved on.
            return prepare(settings, pin=pin)
    return candidate, table


def prepare(
    settings: Settings, seed: int | None = None, pin: Pin | None = None
) -> tuple[Candidate, Table]:
    """Read the data and check all that can be known before a trial runs; raises NoUse.

    `seed` is that of the search when left out; `pin` the state that the data must have.
    """
    spec = settings.resource.spec
    seed = settings.search.seed if seed is None else seed
    scores.find(spec.objective.metric)
    for rule in spec.gate.rules:
        scores.find(rule.metric)
    if spec.trainer.entrypoint is not None:
        load_function(spec.trainer.entrypoint)
    table = _read(settings, pin)
    parts = split(table, spec.data, seed, classification=classification_of(spec.trainer))
    fitting.check(spec.trainer, classification=parts.classification)
    _check_quality(settings, parts)
    for number, rule in enumerate(spec.gate.rules):
        if rule.slice_by is not None and rule.slice_by not in parts.test_x:
            raise NoUse(
                Reason.DATA_INVALID,
                f"spec.gate.rules[{number}].sliceBy: the model sees no column {rule.slice_by!r}",
            )
    _logger.info(
        "Data read.",
        extra={
            "uri": spec.data.source.uri,
            "rows": len(table.frame),
            "held_out": len(parts.test_x),
            "digest": table.digest,
            "revision": table.revision,
            "classification": parts.classification,
        },
    )
    space = settings.search.space
    return Candidate(spec.trainer, parts, space, seed, spec.objective.metric), table


def _read(settings: Settings, pin: Pin | None) -> Table:
    source = settings.resource.spec.data.source
    if pin is None:
        return load(source, settings.data_dir)
    table = load(pin.of(source), settings.data_dir)
    pin.check(table, source.uri)
    return table


def _check_quality(settings: Settings, parts: Split) -> None:
    """NoUse for what makes every result worthless."""
    fatal = quality.fatal_findings(parts)
    if fatal:
        _log_quality(settings, _client(settings), quality.report(parts, fatal))
        raise NoUse(Reason.DATA_INVALID, fatal[0].message)


def _log_quality(settings: Settings, client: MlflowClient, told: str) -> None:
    patiently(
        lambda: client.log_text(settings.parent_run, told, quality.FILE), settings.tracking_uri
    )


def _drift(settings: Settings, parts: Split, client: MlflowClient) -> Drift | None:
    """How far the data is from the champion's; None where there is none whose data is known."""
    spec = settings.resource.spec
    version = champion.champion_version(client, spec.model.name, spec.gate.against)
    known = champion.reference_profile(spec.model.name, version) if version else None
    return drift_of(parts, known, version) if version and known is not None else None


def _tell_quality(settings: Settings, parts: Split, client: MlflowClient) -> None:
    """Say what is odd about the data; NoUse when it has drifted and the spec forbids that."""
    drift = patiently(lambda: _drift(settings, parts, client), settings.tracking_uri)
    found = quality.findings(parts, drift, settings.resource.spec.data.drift)
    _log_quality(settings, client, quality.report(parts, found, drift))
    for finding in found:
        _logger.warning("Data: %s.", finding.message)
    drifted = [finding.message for finding in found if finding.is_fatal]
    if drifted:
        raise NoUse(Reason.DATA_DRIFTED, "; ".join(drifted)[:_LONGEST_MESSAGE])


def _begin(
    settings: Settings,
    storage: RDBStorage,
    study: optuna.Study,
    candidate: Candidate,
    table: Table,
    client: MlflowClient,
) -> None:
    """What one worker does for all: what the data is like, baseline, and what is tried first."""
    if StudyAttribute.ROWS in study.user_attrs:
        return
    _tell_quality(settings, candidate.split, client)
    uri = at_revision(settings.resource.spec.data.source.uri, table.revision)
    run, rows = settings.parent_run, len(table.frame)
    patiently(lambda: log_dataset(client, run, uri, table.digest, rows), settings.tracking_uri)
    begin = settings.search.warm_start
    if begin.champion:
        enqueue_champion(settings, study, candidate, client)
    if begin.study is not None:
        enqueue_study(begin.study, storage, study, candidate, settings.search.trials)
    enqueue_defaults(settings.search, study, candidate)
    try:
        baseline = candidate.baseline()
    except Exception as error:  # noqa: BLE001 - whatever the estimator raises: its trials count it
        _logger.warning("There is no baseline: %s", error)
        baseline = None
    if baseline is not None and baseline == baseline:  # noqa: PLR0124 - not NaN
        study.set_user_attr(StudyAttribute.BASELINE, baseline)
    study.set_user_attr(StudyAttribute.ROWS, len(table.frame))


def _client(settings: Settings) -> MlflowClient:
    # It would read each run again when it ends, to print where to look at it.
    MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT.set("true")
    mlflow.set_tracking_uri(settings.tracking_uri)
    return MlflowClient(settings.tracking_uri)


def _has_conditions(settings: Settings) -> bool:
    """Whether some parameters of the space exist for some values of others only."""
    space = settings.search.space
    if space is None:
        return settings.resource.spec.trainer.algorithm is Algorithm.AUTO
    return any(one.when is not None for one in space.values())


def _directions(settings: Settings) -> list[StudyDirection]:
    objective = settings.resource.spec.objective
    wanted = [objective.direction, *(one.direction for one in objective.additional)]
    return [
        StudyDirection.MAXIMIZE if one is Direction.MAXIMIZE else StudyDirection.MINIMIZE
        for one in wanted
    ]
