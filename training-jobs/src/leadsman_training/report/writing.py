"""The report of a new version as files: a page, its pictures, and all numbers."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial

from leadsman_api.v1alpha1.training_run_status import GateStatus
from leadsman_training.data import Split
from leadsman_training.report.course import course_of
from leadsman_training.report.evaluation import evaluate
from leadsman_training.settings import Settings

FOLDER = "evaluation"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subject:
    """What a report is about."""

    settings: Settings
    study: Study
    split: Split
    best: FrozenTrial
    model: Any
    """Any estimator."""
    verdict: GateStatus


def files(subject: Subject) -> dict[str, str]:
    """Texts by their names; what can't be made is told in the log, and nothing is lost for it."""
    try:
        return dict(_files(subject))
    except ImportError as error:
        words = "There is no page with pictures: this image lacks leadsman-training[report]: %s"
        _logger.warning(words, error)
    # Whatever predicts may be registered, and a model of the user's own may raise anything here.
    except Exception:
        _logger.exception("There is no report of this version.")
    return {}


def _files(subject: Subject) -> Iterator[tuple[str, str]]:
    # Only here: an image of one's own may lack them.
    from leadsman_training.report.page import page  # noqa: PLC0415
    from leadsman_training.report.pictures import pictures  # noqa: PLC0415

    spec, seed = subject.settings.resource.spec, subject.settings.search.seed
    sliced = tuple(rule.slice_by for rule in spec.gate.rules if rule.slice_by is not None)
    found = evaluate(
        subject.model, subject.split, spec.objective.metric, subject.study, sliced, seed
    )
    names = (spec.objective.metric, *(one.metric for one in spec.objective.additional))
    course = course_of(subject.study, names)
    drawn = tuple(pictures(found, course))
    title = f"{spec.model.name}: what the new version shows"
    best = subject.best.params
    yield "report.html", page(title, _facts(subject), best, subject.verdict, found, drawn)
    yield "evaluation.json", json.dumps({**asdict(found), "search": asdict(course)}, indent=1)
    for picture in drawn:
        yield f"{picture.name}.svg", picture.svg


def _facts(subject: Subject) -> dict[str, str]:
    settings, split = subject.settings, subject.split
    return {
        "TrainingRun": settings.training_run,
        "data": settings.resource.spec.data.source.uri,
        "rows": f"{len(split.train_y)} to learn from, {len(split.test_y)} held out",
        "columns": str(len(split.train_x.columns)),
        "study and trial": f"{settings.study}, trial {subject.best.number}",
    }
