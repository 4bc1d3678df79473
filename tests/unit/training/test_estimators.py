"""The built-in estimators: whatever the columns and the classes, with spaces of their own."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.samplers import RandomSampler

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.trainer import Algorithm
from leadsman_training.candidate import predict
from leadsman_training.errors import NoUse
from leadsman_training.estimators import build, default_space, default_trials
from leadsman_training.search_space import suggest

# LightGBM is given arrays, and says so; scikit-learn of a column without any value.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")

ROWS = 60
BUILT_IN = [one for one in Algorithm if one is not Algorithm.AUTO]
SMALL = {
    Algorithm.LINEAR: {},
    Algorithm.HIST_GRADIENT_BOOSTING: {"max_iter": 5, "min_samples_leaf": 2},
    Algorithm.LIGHTGBM: {"n_estimators": 5, "min_child_samples": 2},
}


def small(algorithm: Algorithm) -> dict[str, Any]:
    """Parameters by which an estimator is quick."""
    return dict(SMALL.get(algorithm, {"n_estimators": 5}))


def mixed_columns() -> pd.DataFrame:
    """Columns of each type, with gaps, and one that says what the target is."""
    kind = np.arange(ROWS) % 2
    return pd.DataFrame(
        {
            "number": [None if row % 7 == 3 else float(row % 5) for row in range(ROWS)],
            "telling": kind * 10.0 + np.arange(ROWS) % 3,
            "truth": kind == 0,
            "word": pd.Series(["x", "y", None] * (ROWS // 3), dtype=object),
            "kind": pd.Categorical(["p", "q"] * (ROWS // 2)),
        }
    )


@pytest.mark.parametrize("algorithm", BUILT_IN)
@pytest.mark.parametrize(
    "labels",
    [
        pytest.param([0, 1], id="0 and 1"),
        pytest.param([1, 2], id="1 and 2"),
        pytest.param([False, True], id="truths"),
        pytest.param(["no", "yes"], id="words"),
    ],
)
def test_classes_may_have_any_names(algorithm: Algorithm, labels: list[Any]) -> None:
    """Columns are taken as they are, and the answers are the names of the target."""
    features, target = mixed_columns(), pd.Series(labels * (ROWS // 2))
    model = build(algorithm, small(algorithm), 1, features, target, classes=True)
    model.fit(features, target)
    new = features.assign(word="never seen").head(4)
    said = predict(model, new)

    assert said.values.tolist() == labels * 2  # noqa: PD011 - not pandas
    assert said.probabilities is not None
    assert said.probabilities.shape == (4, 2)
    assert said.classes is not None
    assert said.classes.tolist() == labels


@pytest.mark.parametrize("algorithm", BUILT_IN)
def test_numbers_are_predicted_near_the_truth(algorithm: Algorithm) -> None:
    """There are no probabilities then."""
    features = mixed_columns()
    target = features["telling"] * 3.0
    model = build(algorithm, small(algorithm), 1, features, target, classes=False)
    said = predict(model.fit(features, target), features)

    assert said.probabilities is None
    missed = np.abs(said.values - target).mean()  # noqa: PD011 - not pandas
    assert missed < np.abs(target - target.mean()).mean() / 1.3


@pytest.mark.parametrize("algorithm", BUILT_IN)
def test_a_seed_gives_the_same_model(algorithm: Algorithm) -> None:
    """What was found can be fitted again."""
    features, target = mixed_columns(), pd.Series(["a", "b", "c"] * (ROWS // 3))

    def chances() -> list[list[float]]:
        model = build(algorithm, small(algorithm), 5, features, target, classes=True)
        found = predict(model.fit(features, target), features).probabilities
        assert found is not None
        return [list(row) for row in found]

    assert chances() == chances()


@pytest.mark.parametrize("columns", [["number"], ["word"]], ids=["numbers", "words"])
def test_columns_of_one_type_are_enough(columns: list[str]) -> None:
    """No step is left without a column."""
    features, target = mixed_columns()[columns], pd.Series([0, 1] * (ROWS // 2))
    model = build(Algorithm.LINEAR, {}, 1, features, target, classes=True)

    assert len(predict(model.fit(features, target), features).values) == ROWS


def of_kind(parameters: dict[str, Any], algorithm: Algorithm = Algorithm.AUTO) -> str:
    """The class of the estimator that parameters give."""
    features, target = mixed_columns(), pd.Series([0, 1] * (ROWS // 2))
    return type(build(algorithm, parameters, 1, features, target, classes=True)[-1]).__name__


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        ({}, "HistGradientBoostingClassifier"),
        ({"algorithm": "Linear", "Linear__C": 0.5}, "LogisticRegression"),
        ({"algorithm": "XGBoost", "XGBoost__max_depth": 2}, "XGBClassifier"),
    ],
)
def test_auto_takes_the_estimator_that_the_trial_names(
    parameters: dict[str, Any], kind: str
) -> None:
    """With the parameters that bear its name."""
    assert of_kind(parameters) == kind


@pytest.mark.parametrize(
    ("algorithm", "parameters", "words"),
    [
        pytest.param(
            Algorithm.LINEAR, {"depth": 3}, "Linear does not take the parameters ['depth']: ",
            id="of another estimator",
        ),
        pytest.param(
            Algorithm.AUTO, {"algorithm": "Oracle"}, "there is no algorithm 'Oracle'; there are",
            id="no estimator",
        ),
        pytest.param(
            Algorithm.AUTO, {"algorithm": "auto"}, "there is no algorithm 'auto'; there are Linear",
            id="auto again",
        ),
    ],
)  # fmt: skip
def test_parameters_that_cant_be_are_refused(
    algorithm: Algorithm, parameters: dict[str, Any], words: str
) -> None:
    """Each trial would say the same."""
    with pytest.raises(NoUse) as refused:
        of_kind(parameters, algorithm)

    assert refused.value.reason is Reason.SPEC_INVALID
    assert refused.value.message.startswith(words)


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
def test_each_estimator_takes_what_its_own_space_proposes(
    algorithm: Algorithm, *, classes: bool
) -> None:
    """Of `auto` each trial names an estimator and has that one's parameters only."""
    space = default_space(algorithm, classes=classes)
    features, target = mixed_columns(), pd.Series([0, 1] * (ROWS // 2))
    study = optuna.create_study(sampler=RandomSampler(1))
    kinds = set()
    for _ in range(40):
        parameters = suggest(space, study.ask())
        model = build(algorithm, parameters, 1, features, target, classes=classes)
        own = {name.rpartition("__")[2]: value for name, value in parameters.items()}
        named = own.pop("algorithm", None)
        kinds.add(named)
        assert {name: model[-1].get_params()[name] for name in own} == own
        assert all(name.startswith(f"{named}__") for name in parameters if "__" in name)
    assert len(kinds) == (6 if algorithm is Algorithm.AUTO else 1)


# What the space can't say: no penalty at all, and all columns.
SAID_OTHERWISE = {"l2_regularization": 0.0, "max_features": 1.0}


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
def test_the_first_trials_are_the_libraries_defaults(
    algorithm: Algorithm, *, classes: bool
) -> None:
    """Each within the space that is searched, and of `auto` one for each estimator."""
    space = default_space(algorithm, classes=classes)
    features, target = mixed_columns(), pd.Series([0, 1] * (ROWS // 2))
    trials = default_trials(algorithm, classes=classes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Optuna's of values beyond the bounds
        proposed = [suggest(space, optuna.trial.FixedTrial(one)) for one in trials]

    assert proposed == trials
    assert len(trials) == (6 if algorithm is Algorithm.AUTO else 1)
    for parameters in trials:
        named = {name: value for name, value in parameters.items() if name == "algorithm"}
        ours, theirs = (
            build(algorithm, one, 1, features, target, classes=classes)[-1].get_params()
            for one in (parameters, named)
        )
        searched = {name.rpartition("__")[2] for name in parameters} - {"algorithm"}
        different = {name: theirs[name] for name in searched if ours[name] != theirs[name]}
        # XGBoost does not say what it takes.
        library = {name: value for name, value in different.items() if value is not None}
        assert library == {name: SAID_OTHERWISE.get(name) for name in library}
