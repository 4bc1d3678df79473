"""Metrics by name, as objectives and gates ask for them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from leadsman_api.reasons import Reason
from leadsman_training.errors import NoUse
from leadsman_training.scores import Predictions, find, score, usual

CLASSES = ("accuracy", "balanced_accuracy", "f1", "precision", "recall")
CHANCES = ("roc_auc", "average_precision", "log_loss")
NUMBERS = ("rmse", "mae", "mape", "r2")
LABELS = [
    pytest.param([0, 1], id="0 and 1"),
    pytest.param([1, 2], id="1 and 2"),
    pytest.param([False, True], id="truths"),
    pytest.param(["no", "yes"], id="words"),
]


def predicted(labels: list[Any], chances: list[float]) -> Predictions:
    """What a model of two classes says, from the probability of the second."""
    second = np.asarray(chances)
    values = np.asarray(labels)[(second > 0.5).astype(int)]
    return Predictions(values, np.column_stack([1 - second, second]), np.asarray(labels))


@pytest.mark.parametrize("labels", LABELS)
def test_two_classes_may_have_any_names(labels: list[Any]) -> None:
    """The second class is the one that is looked for, whatever it is called."""
    truth = np.asarray(labels)[[0, 0, 0, 1, 1]]
    model = predicted(labels, [0.1, 0.2, 0.7, 0.6, 0.9])

    assert score("roc_auc", truth, model) == pytest.approx(5 / 6)
    assert score("average_precision", truth, model) == pytest.approx(5 / 6)
    assert score("accuracy", truth, model) == pytest.approx(0.8)
    assert score("balanced_accuracy", truth, model) == pytest.approx(5 / 6)
    assert score("log_loss", truth, model) == pytest.approx(0.4297, abs=1e-3)


def test_with_0_and_1_the_second_class_alone_counts() -> None:
    """Otherwise the classes count alike."""
    chances = [0.1, 0.2, 0.7, 0.6, 0.9]
    numbered = (np.array([0, 0, 0, 1, 1]), predicted([0, 1], chances))
    worded = (np.array(["a", "a", "a", "b", "b"]), predicted(["a", "b"], chances))

    assert [score(name, *numbered) for name in ("precision", "recall", "f1")] == [
        pytest.approx(2 / 3), 1.0, pytest.approx(0.8),
    ]  # fmt: skip
    assert [score(name, *worded) for name in ("precision", "recall", "f1")] == [
        pytest.approx(5 / 6), pytest.approx(5 / 6), pytest.approx(0.8),
    ]  # fmt: skip


@pytest.mark.parametrize("name", [*CLASSES, *CHANCES])
def test_several_classes_have_each_metric(name: str) -> None:
    """The best there can be is the best."""
    truth = np.array(["a", "b", "c", "a"])
    chances = np.eye(3)[[0, 1, 2, 0]]
    model = Predictions(truth, chances, np.array(["a", "b", "c"]))

    assert score(name, truth, model) == pytest.approx(0.0 if name == "log_loss" else 1.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("rmse", math.sqrt(2.0)), ("mae", 1.0), ("mape", 0.3125), ("r2", 0.6)],
)
def test_numbers(name: str, value: float) -> None:
    """By hand."""
    truth, model = np.array([2.0, 4.0, 6.0, 8.0]), np.array([4.0, 4.0, 6.0, 6.0])

    assert score(name, truth, Predictions(model)) == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "truth", "values"),
    [
        *(pytest.param(name, [0, 1], [0, 1], id=f"{name} without chances") for name in CHANCES),
        *(pytest.param(name, [0.5, 1.5], [0.4, 1.6], id=f"{name} of numbers") for name in CLASSES),
        *(pytest.param(name, ["a", "b"], ["a", "b"], id=f"{name} of words") for name in NUMBERS),
    ],
)
def test_what_does_not_fit_has_no_value(name: str, truth: list[Any], values: list[Any]) -> None:
    """NaN passes no gate and fails a trial; it is no reason to end the process."""
    assert math.isnan(score(name, np.asarray(truth), Predictions(np.asarray(values))))


def test_no_rows_have_no_value() -> None:
    """Such as those of a part that is empty."""
    assert math.isnan(score("rmse", np.array([]), Predictions(np.array([]))))


def test_rows_are_taken_with_their_probabilities() -> None:
    """As the bootstrap draws them, some of them twice."""
    model = predicted(["no", "yes"], [0.1, 0.9, 0.4])
    some = model.take(np.array([1, 1, 0]))

    assert some.values.tolist() == ["yes", "yes", "no"]
    assert some.probabilities is not None
    assert some.probabilities[:, 1].tolist() == [0.9, 0.9, 0.1]
    assert some.classes is model.classes
    assert Predictions(np.array([1, 2])).take(np.array([1])).probabilities is None


def test_an_unknown_metric_names_those_there_are() -> None:
    """All of them."""
    with pytest.raises(NoUse) as refused:
        find("beauty")

    assert refused.value.reason is Reason.SPEC_INVALID
    assert refused.value.message.startswith("there is no metric 'beauty'; there are roc_auc, ")
    assert all(name in refused.value.message for name in (*CLASSES, *CHANCES, *NUMBERS))


@pytest.mark.parametrize("classification", [True, False])
def test_the_usual_metrics_are_known(*, classification: bool) -> None:
    """Each trial has them besides its objective."""
    names = usual(classification=classification)

    assert set(names) <= set((*CLASSES, *CHANCES) if classification else NUMBERS)
