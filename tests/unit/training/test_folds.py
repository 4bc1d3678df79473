"""The folds on which a trial is judged: by time they never look ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.data import Data
from leadsman_api.v1alpha1.trainer import Algorithm, Trainer
from leadsman_training.candidate import Candidate, Run
from leadsman_training.data import Split, Table, split
from leadsman_training.errors import NoUse

ROWS = 60


def parted(target: Any, **holdout: Any) -> Split:
    """Rows whose file is in no order of time, and whose age is their time."""
    time = np.arange(ROWS) * 7 % ROWS
    frame = pd.DataFrame({"day": time, "age": time, "bought": np.asarray(target)[time]})
    data = Data.model_validate(
        {"source": {"uri": "sklearn://iris"}, "target": "bought", "holdout": holdout}
    )
    return split(Table(frame, "sha256:0"), data, 3, classification=None)


def run_on(parts: Split) -> Run:
    """What own code gets."""
    train = parts.train_x, parts.train_y
    return Run(train, 3, parts.classification, lambda _step, _value: None, by_time=parts.by_time)


def test_by_time_each_fold_learns_from_the_past_alone() -> None:
    """From more and more of it, and never from the column of the time itself."""
    folds = list(run_on(parted(np.arange(ROWS) % 2, by="time", timeColumn="day")).folds())

    assert [(len(learn), len(judge)) for learn, _, judge, _ in folds] == [
        (12, 12), (24, 12), (36, 12),
    ]  # fmt: skip
    for learn_x, learn_y, judge_x, judge_y in folds:
        assert list(learn_x) == ["age"]
        assert learn_x["age"].max() < judge_x["age"].min()
        assert list(learn_y.index) == list(learn_x.index)
        assert list(judge_y.index) == list(judge_x.index)


def test_otherwise_the_folds_are_drawn() -> None:
    """Each row is judged on once."""
    folds = list(run_on(parted(np.arange(ROWS) % 2)).folds())
    judged = [row for *_, judge in folds for row in judge.index]

    assert sorted(judged) == sorted(parted(np.arange(ROWS) % 2).train_x.index)
    assert any(learn["age"].max() > judge["age"].min() for learn, _, judge, _ in folds)


def test_a_past_of_one_class_teaches_nothing() -> None:
    """It says how many rows that are, in place of an error of some estimator."""
    late = (np.arange(ROWS) >= 20).astype(int)
    with pytest.raises(NoUse, match="the earliest 12 rows have a single value of 'bought'") as no:
        list(run_on(parted(late, by="time", timeColumn="day")).folds())

    assert no.value.reason is Reason.DATA_INVALID


def test_a_trial_is_judged_by_time() -> None:
    """Trees know nothing of values beyond those that they saw: who looks ahead does not notice."""
    growing = np.arange(ROWS).astype(float)
    trainer = Trainer.model_validate(
        {"algorithm": Algorithm.RANDOM_FOREST.value, "parameters": {"n_estimators": 5}}
    )

    def score(**holdout: Any) -> float:
        parts = parted(growing, **holdout)
        value = Candidate(trainer, parts, None, 3, "rmse").baseline()
        assert value is not None
        return value

    assert score(by="time", timeColumn="day") > 2 * score(by="random")
