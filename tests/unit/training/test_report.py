"""The report of a new version: its numbers, its page, and that no version is lost for it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
import pandas as pd
import pytest
from mlflow import MlflowClient
from optuna.trial import TrialState
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from leadsman_api.environment import Variable
from leadsman_api.reasons import Reason
from leadsman_api.termination import ExitCode, Termination
from leadsman_api.v1alpha1.training_run_status import GateStatus
from leadsman_training import job
from leadsman_training.comparison import interval
from leadsman_training.data import Split
from leadsman_training.report.course import course_of
from leadsman_training.report.evaluation import Evaluation, evaluate
from leadsman_training.report.page import page
from leadsman_training.report.pictures import pictures
from leadsman_training.scores import Predictions

pytestmark = pytest.mark.filterwarnings("ignore")
Pod = Callable[..., dict[str, str]]

OWN_CODE = """
class Half:
    classes_ = [0, 1]
    def predict(self, rows):
        return rows["telling"].to_numpy() > 5

def two(trial, run):
    trial.suggest_float("x", 0, 1)
    run.keep(Half())
    return 0.5
"""


def split_of(features: pd.DataFrame, target: pd.Series, *, classification: bool) -> Split:
    """Every second row is held out."""
    test = np.arange(len(target)) % 2 == 1
    return Split(features[~test], target[~test], features[test], target[test], classification)


def classes(rows: int = 400) -> Split:
    """One column tells the class, one does not, and the north is told worse."""
    random = np.random.default_rng(1)
    region = random.choice(["north", "south"], rows)
    target = random.integers(0, 2, rows)
    blur = np.where(region == "north", 2.0, 0.2)
    telling = target + blur * random.standard_normal(rows)
    columns = {"telling": telling, "noise": random.standard_normal(rows), "region": region}
    return split_of(pd.DataFrame(columns), pd.Series(target, name="bought"), classification=True)


class ByNumbers:
    """A model that takes no words."""

    def __init__(self, model: Any, split: Split) -> None:
        """Fit it on the columns of numbers."""
        self.model = model.fit(self._numbers(split.train_x), split.train_y)
        self.classes_ = getattr(model, "classes_", None)

    def fit(self, _features: pd.DataFrame, _target: pd.Series) -> ByNumbers:
        """It is fitted."""
        return self

    def predict(self, features: pd.DataFrame) -> Any:
        """As the model does."""
        return self.model.predict(self._numbers(features))

    @staticmethod
    def _numbers(features: pd.DataFrame) -> pd.DataFrame:
        return features.select_dtypes("number")


class WithChances(ByNumbers):
    """One that gives chances."""

    def predict_proba(self, features: pd.DataFrame) -> Any:
        """As the model does."""
        return self.model.predict_proba(self._numbers(features))


def study_of(direction: Literal["minimize", "maximize"] = "maximize") -> optuna.Study:
    """Trials whose value hangs on `x` and hardly on `y`."""
    study = optuna.create_study(direction=direction, sampler=optuna.samplers.RandomSampler(1))
    study.optimize(
        lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1) / 50, 40
    )
    return study


def evaluated(
    split: Split, model: Any, metric: str, study: optuna.Study | None = None
) -> Evaluation:
    """Its evaluation."""
    return evaluate(model, split, metric, study or study_of(), (), 3)


def of_classes() -> Evaluation:
    """A model of two classes."""
    split = classes()
    return evaluated(split, WithChances(LogisticRegression(), split), "roc_auc")


# The numbers


def test_every_metric_has_its_interval() -> None:
    """The objective and the usual ones; the value lies within."""
    found = of_classes()
    assert {one.metric for one in found.metrics} == {"accuracy", "f1", "log_loss", "roc_auc"}
    for one in found.metrics:
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low < one.value < one.high
    assert (found.rows, found.held_out) == (200, 200)


def test_no_mistake_in_few_rows_is_not_perfection() -> None:
    """By Clopper and Pearson 20 of 20 show 83 percent; nothing is better than always right."""
    truth = np.array([0, 1] * 10)
    shown = interval(truth, Predictions(truth), "accuracy", 0.95, 1)
    assert shown.gain == 1
    assert shown.low == pytest.approx(0.832, abs=0.01)
    assert shown.high == 1


@pytest.mark.parametrize("metric", ["rmse", "mae", "r2"])
def test_errors_have_intervals_the_right_way_round(metric: str) -> None:
    """Less is better of some, more of others."""
    random = np.random.default_rng(2)
    truth = random.standard_normal(200)
    said = Predictions(truth + 0.3 * random.standard_normal(200))
    shown = interval(truth, said, metric, 0.95, 1)
    assert shown.low < shown.gain < shown.high


def test_classes_are_counted_and_chances_compared() -> None:
    """Rows of the matrix are the true classes."""
    found = of_classes()
    assert found.classes is not None
    assert found.numbers is None
    right, wrong = found.classes.counts[0]
    assert right > wrong > 0
    assert sum(sum(row) for row in found.classes.counts) == 200
    assert found.classes.foretold == "1"
    chances = [one.chance for one in found.classes.calibration]
    assert len(chances) == 10
    assert chances == sorted(chances)


def test_a_model_without_chances_has_no_calibration() -> None:
    """The rest is there."""
    split = classes()
    found = evaluated(split, ByNumbers(LogisticRegression(), split), "accuracy")
    assert found.classes is not None
    assert found.classes.calibration == ()
    values = {one.metric: one.value for one in found.metrics}
    assert values["roc_auc"] is None
    assert values["accuracy"] is not None


def test_numbers_keep_their_rows() -> None:
    """What the residuals are drawn from."""
    random = np.random.default_rng(3)
    features = pd.DataFrame({"a": random.standard_normal(100), "b": random.standard_normal(100)})
    split = split_of(features, 3 * features["a"], classification=False)
    found = evaluated(split, LinearRegression().fit(split.train_x, split.train_y), "rmse")
    assert found.classes is None
    assert found.numbers is not None
    assert found.numbers.predicted == pytest.approx(found.numbers.truth)
    assert [one.name for one in found.features] == ["a", "b"]


def test_parts_of_the_rows_are_judged_apart() -> None:
    """Columns of words by themselves; the north is told worse."""
    found = {one.value: one for one in of_classes().slices}
    assert set(found) == {"north", "south"}
    assert found["north"].rows + found["south"].rows == 200
    assert (found["north"].of.value or 1) < (found["south"].of.value or 0)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_what_counts_comes_first(direction: Literal["minimize", "maximize"]) -> None:
    """Of the columns, and of the parameters whichever way is better."""
    split = classes()
    model = WithChances(LogisticRegression(), split)
    found = evaluated(split, model, "log_loss", study_of(direction))
    assert found.features[0].name == "telling"
    assert found.features[0].value > 10 * abs(found.features[-1].value)
    assert [one.name for one in found.parameters] == ["x", "y"]


def test_trials_that_all_came_to_the_same_tell_nothing() -> None:
    """Nor does a single one."""
    study = optuna.create_study()
    study.optimize(lambda trial: 0 * trial.suggest_float("x", 0, 1), 5)
    split = classes()
    model = WithChances(DummyClassifier(strategy="prior"), split)
    assert evaluated(split, model, "accuracy", study).parameters == ()


# The page


def test_the_page_needs_nothing_else() -> None:
    """Pictures stand in it, and words of the data are no markup."""
    found = of_classes()
    drawn = tuple(pictures(found, course_of(study_of(), ("roc_auc",))))
    verdict = GateStatus(passed=True, rows=200)
    text = page("churn", {"data": "<script>alert(1)</script>"}, {"C": 1}, verdict, found, drawn)
    assert "<script" not in text
    assert re.findall(r'(?:src|href)="(?!data:)', text) == []
    assert [one.name for one in drawn] == [
        "confusion", "calibration", "features", "parameters", "history",
    ]  # fmt: skip
    assert text.count("data:image/svg+xml;base64,") == len(drawn)
    assert all(one.metric in text for one in found.metrics)


def test_the_same_numbers_give_the_same_pictures() -> None:
    """No time and no chance in them."""
    found, course = of_classes(), course_of(study_of(), ("roc_auc",))
    assert tuple(pictures(found, course)) == tuple(pictures(found, course))


# The search


def of_two_objectives() -> optuna.Study:
    """A study with a trial of every end: finished, given up, failed, without a number."""
    study = optuna.create_study(directions=["maximize", "minimize"])
    for values in ([0.5, 3.0], [0.7, 9.0], [0.4, 4.0], [math.inf, 1.0]):
        study.add_trial(optuna.create_trial(values=values))
    study.add_trial(optuna.create_trial(state=TrialState.PRUNED))
    study.add_trial(optuna.create_trial(state=TrialState.FAIL))
    return study


def test_every_trial_is_told_by_its_end() -> None:
    """And the best so far never gets worse."""
    course = course_of(of_two_objectives(), ("roc_auc", "fit_seconds"))
    assert [(point.number, point.on_front) for point in course.points] == [
        (0, True), (1, True), (2, False),
    ]  # fmt: skip
    assert course.best_so_far == (0.5, 0.7, 0.7)
    assert (course.pruned, course.failed) == ((4,), (3, 5))


def test_the_best_of_losses_is_the_least() -> None:
    """Whichever way is better."""
    study = optuna.create_study()
    for value in (3.0, 1.0, 2.0):
        study.add_trial(optuna.create_trial(value=value))
    assert course_of(study, ("log_loss",)).best_so_far == (3.0, 1.0, 1.0)


def test_two_objectives_show_their_front() -> None:
    """What no other trial beats in both, beside the others; and who is left out is told."""
    course = course_of(of_two_objectives(), ("roc_auc", "fit_seconds"))
    history, front = tuple(pictures(of_classes(), course))[-2:]
    assert (history.name, front.name) == ("history", "front")
    assert "1 given up early, 2 failed" in history.tells
    assert "fit_seconds" in front.svg


def test_a_single_trial_has_no_course() -> None:
    """One dot tells nothing."""
    study = optuna.create_study()
    study.add_trial(optuna.create_trial(value=1.0))
    drawn = pictures(of_classes(), course_of(study, ("log_loss",)))
    assert "history" not in [one.name for one in drawn]


# The Job


def concluded(pod: dict[str, str]) -> Reason:
    """Search and conclude; why it ended."""
    job.run("work", pod)
    code = job.run("conclude", pod)
    said = Termination.from_text(Path(pod["LEADSMAN_TERMINATION_PATH"]).read_text())
    assert code == ExitCode.DONE, said
    assert said is not None
    return said.reason


def files_of(client: MlflowClient, pod: dict[str, str]) -> set[str]:
    """What the run has of the report."""
    return {
        Path(one.path).name for one in client.list_artifacts(pod[Variable.PARENT_RUN], "evaluation")
    }


def test_a_conclusion_brings_its_report(pod: Pod, client: MlflowClient) -> None:
    """As artifacts of the parent run."""
    made = pod()
    assert concluded(made) is Reason.REGISTERED
    assert {"report.html", "evaluation.json", "confusion.svg"} <= files_of(client, made)


def test_no_version_is_lost_for_its_report(
    tmp_path: Path, pod: Pod, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model of one's own that can do no more than predict."""
    (tmp_path / f"{tmp_path.name}.py").write_text(OWN_CODE)
    monkeypatch.syspath_prepend(tmp_path)
    made = pod(trainer={"entrypoint": f"{tmp_path.name}:two"})
    assert concluded(made) is Reason.REGISTERED
    assert files_of(client, made) == set()
