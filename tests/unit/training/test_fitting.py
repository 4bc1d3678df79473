"""Weights of classes, rounds that are enough, and calibrations that help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from optuna.trial import FixedTrial
from sklearn.calibration import CalibratedClassifierCV

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.trainer import Algorithm, Trainer
from leadsman_training import fitting
from leadsman_training.candidate import Candidate, predict
from leadsman_training.data import Split
from leadsman_training.errors import NoUse
from leadsman_training.rounds import NAMES
from leadsman_training.scores import score

# LightGBM is given arrays, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
BOOSTED = list(NAMES)
CLASSIFIERS = [one for one in Algorithm if one is not Algorithm.AUTO]


def drawn(count: int, rare: float = 0.5, seed: int = 3) -> tuple[pd.DataFrame, pd.Series]:
    """Rows of two classes, of which one is rare, that a column tells apart with errors."""
    random = np.random.default_rng(seed)
    said = np.where(random.random(count) < rare, "yes", "no")
    column = (said == "yes") + random.normal(size=count)
    return pd.DataFrame({"telling": column, "noise": random.normal(size=count)}), pd.Series(said)


def a_candidate(
    rows: int = 300, rare: float = 0.5, space: Mapping[str, Any] | None = None, **trainer: Any
) -> Candidate:
    """A trainer on drawn rows; as many others are held out."""
    train, test = drawn(rows, rare), drawn(2000, rare, seed=4)
    made = Trainer.model_validate(trainer)
    return Candidate(made, Split(*train, *test, classification=True), space, 1, "log_loss")


def fitted(candidate: Candidate, **parameters: Any) -> Any:
    """The final model with some parameters."""
    made = candidate.trainer.model_copy(
        update={"parameters": {**candidate.trainer.parameters, **parameters}}
    )
    return Candidate(made, candidate.split, {}, candidate.seed, "log_loss").fit(FixedTrial({}))


def held_out(candidate: Candidate, model: Any, metric: str) -> float:
    """A metric on the other rows."""
    parts = candidate.split
    return score(metric, parts.test_y.to_numpy(), predict(model, parts.test_x))


@pytest.mark.parametrize("algorithm", CLASSIFIERS)
def test_balanced_weights_find_the_rare_class(algorithm: Algorithm) -> None:
    """Of every estimator, whatever it calls its weights; XGBoost's classes are words here."""
    quick = {} if algorithm is Algorithm.LINEAR else {NAMES.get(algorithm, "n_estimators"): 20}
    leaf = {"min_samples_leaf": 10} if "Trees" in algorithm or "Forest" in algorithm else {}
    plain = a_candidate(rare=0.1, algorithm=algorithm, parameters={**quick, **leaf})
    weighed = a_candidate(
        rare=0.1, algorithm=algorithm, parameters={**quick, **leaf}, classWeights="Balanced"
    )

    def found(candidate: Candidate) -> float:
        return held_out(candidate, fitted(candidate), "balanced_accuracy")

    assert found(weighed) > found(plain) + 0.02


@pytest.mark.parametrize("algorithm", BOOSTED)
def test_boosting_stops_when_it_gets_no_better(algorithm: Algorithm) -> None:
    """Long before the most rounds, and the model is one of all rows with so many rounds."""
    candidate = a_candidate(algorithm=algorithm, earlyStopping=True)
    assert NAMES[algorithm] not in candidate.search_space()
    model = fitted(candidate)[-1]
    estimator = getattr(model, "estimators_", [model])[0]
    rounds = estimator.get_params()[NAMES[algorithm]]

    assert 1 <= rounds < 100
    assert not estimator.get_params().get("early_stopping_rounds")
    least = held_out(candidate, fitted(candidate), "log_loss")
    blind = a_candidate(algorithm=algorithm, parameters={NAMES[algorithm]: 300})
    assert least < held_out(blind, fitted(blind), "log_loss")


@pytest.mark.parametrize(
    "asked", [{"earlyStopping": True}, {}, {"earlyStopping": False}],
    ids=["asked", "many rows", "not asked"],
)  # fmt: skip
def test_rounds_of_the_spec_are_kept(
    asked: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the most where early stopping is asked for, and as they are otherwise."""
    monkeypatch.setattr("leadsman_training.rounds.MANY_ROWS", 100)
    rounds = {"n_estimators": 5}
    candidate = a_candidate(algorithm="LightGBM", parameters=rounds, **asked)

    assert fitted(candidate, learning_rate=0.01)[-1].n_estimators_ == 5


def test_many_rows_stop_early_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few do not, unless it is asked for."""
    names = {f"{one}__{name}" for one, name in NAMES.items()}
    assert names <= set(a_candidate(algorithm="auto").search_space())
    monkeypatch.setattr("leadsman_training.rounds.MANY_ROWS", 100)
    many = a_candidate(algorithm="auto")

    assert not names & set(many.search_space())
    assert "RandomForest__n_estimators" in many.search_space()
    assert all(set(one) <= set(many.search_space()) for one in many.default_trials())
    refusing = a_candidate(algorithm="auto", earlyStopping=False)
    assert names <= set(refusing.search_space())


OVERSURE = {"n_estimators": 40, "max_features": None}


def test_a_model_that_is_too_sure_is_calibrated() -> None:
    """Its probabilities get better on rows that nobody has seen; its order stays."""
    plain = a_candidate(algorithm="RandomForest", parameters=OVERSURE)
    asked = a_candidate(algorithm="RandomForest", parameters=OVERSURE, calibration="auto")
    before, after = fitted(plain), fitted(asked)

    assert isinstance(after[-1], CalibratedClassifierCV)
    assert len(after[-1].calibrated_classifiers_) == 1
    assert held_out(asked, after, "log_loss") < held_out(plain, before, "log_loss") - 0.05
    assert held_out(asked, after, "roc_auc") == pytest.approx(held_out(plain, before, "roc_auc"))


def test_a_model_that_can_be_taken_at_its_word_stays_as_it_is() -> None:
    """A curve that only might help is not built in."""
    model = fitted(a_candidate(algorithm="Linear", calibration="auto"))

    assert not isinstance(model[-1], CalibratedClassifierCV)


def test_a_class_too_rare_to_calibrate_is_no_error() -> None:
    """The model is registered as it is."""
    candidate = a_candidate(algorithm="Linear", calibration="auto")
    target = candidate.split.train_y.copy()
    target.iloc[0] = "perhaps"
    split = Split(
        candidate.split.train_x, target, candidate.split.test_x, candidate.split.test_y,
        classification=True,
    )  # fmt: skip
    model = Candidate(candidate.trainer, split, {}, 1, "log_loss").fit(FixedTrial({}))

    assert "perhaps" in model.classes_
    assert not isinstance(model[-1], CalibratedClassifierCV)


@pytest.mark.parametrize(
    "option", [{"classWeights": "Balanced"}, {"calibration": "auto"}], ids=["weights", "curve"]
)
def test_numbers_have_no_classes_to_weigh_or_calibrate(option: dict[str, Any]) -> None:
    """The spec is told so before the first trial; without the option nothing is said."""
    trainer = Trainer.model_validate({"algorithm": "Linear", **option})
    fitting.check(trainer, classification=True)
    fitting.check(Trainer(algorithm=Algorithm.LINEAR), classification=False)
    with pytest.raises(NoUse) as refused:
        fitting.check(trainer, classification=False)

    assert refused.value.reason is Reason.SPEC_INVALID
    (name,) = option
    assert refused.value.message.startswith(f"spec.trainer.{name} is for classes")
