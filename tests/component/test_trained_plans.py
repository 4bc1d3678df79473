"""What a training makes of its options is served by the same plans, and answers alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from optuna.trial import FixedTrial
from sklearn.calibration import CalibratedClassifierCV

from leadsman_api.v1alpha1.trainer import Algorithm, Trainer
from leadsman_serving.columns import Column
from leadsman_serving.schema import Schema
from leadsman_training import fitting
from leadsman_training.candidate import Candidate
from leadsman_training.data import Split
from support.compiled_plans import check, compiled, loaded

pytestmark = pytest.mark.filterwarnings("ignore")
SCHEMA = Schema((Column("telling", "double"), Column("noise", "double"), Column("word", "string")))
ENGINES = {
    Algorithm.LINEAR: "numpy",
    Algorithm.RANDOM_FOREST: "trees",
    Algorithm.EXTRA_TREES: "trees",
    Algorithm.HIST_GRADIENT_BOOSTING: "trees",
    Algorithm.XGBOOST: "trees",
    Algorithm.LIGHTGBM: "lightgbm",
}
QUICK = {
    Algorithm.LINEAR: {},
    Algorithm.HIST_GRADIENT_BOOSTING: {"max_iter": 10},
}
CALIBRATED = ("Linear", "RandomForest", "ExtraTrees", "XGBoost")
"""What scikit-learn calibrates by scores that no plan of its own gives is served as it is."""
WORDS = ["x", "y", "z"]


def drawn(labels: list[Any], count: int = 240) -> tuple[pd.DataFrame, pd.Series]:
    """Numbers and words, and classes that they tell with errors."""
    random = np.random.default_rng(3)
    said = random.integers(0, len(labels), count)
    rows = pd.DataFrame(
        {
            "telling": said + random.normal(size=count),
            "noise": random.normal(size=count),
            "word": random.choice(["a", "b", "c"], count),
        }
    )
    return rows, pd.Series([labels[one] for one in said])


def trained(labels: list[Any], algorithm: Algorithm, **trainer: Any) -> tuple[Any, pd.DataFrame]:
    """The final model, and its rows."""
    rows, target = drawn(labels)
    split = Split(rows, target, rows, target, classification=True)
    quick = QUICK.get(algorithm, {"n_estimators": 10})
    made = Trainer.model_validate({"algorithm": algorithm, "parameters": quick, **trainer})
    return Candidate(made, split, {}, 1, "log_loss").fit(FixedTrial({})), rows


def served_by(model: Any, rows: pd.DataFrame, folder: Path) -> str:
    """The engine that serves a model as it answers itself."""
    asked = rows.head(40).to_numpy(dtype=object).tolist()
    original, done = compiled(model, SCHEMA, asked[:5], folder)
    if done.plan is None:
        assert done.refused
        return "original"
    check(loaded(done, folder), original, asked, done.plan.backend)
    return str(done.plan.backend)


@pytest.mark.parametrize("labels", [[0, 1], WORDS], ids=["two numbers", "three words"])
@pytest.mark.parametrize("algorithm", ENGINES)
def test_weights_and_early_stopping_change_no_plan(
    algorithm: Algorithm, labels: list[Any], tmp_path: Path
) -> None:
    """The engine is that of the plain model."""
    model, rows = trained(labels, algorithm, classWeights="Balanced", earlyStopping=True)

    assert served_by(model, rows, tmp_path) == ENGINES[algorithm]


@pytest.mark.parametrize("algorithm", ENGINES)
def test_a_calibrated_model_has_a_plan_made_of_plans(
    algorithm: Algorithm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or is served by itself, and says why; here every calibration is taken for helpful."""
    monkeypatch.setattr(fitting, "_helpful", lambda *_: "sigmoid")
    model, rows = trained(WORDS, algorithm, calibration="auto")

    assert isinstance(model[-1], CalibratedClassifierCV)
    wanted = "composed" if algorithm in CALIBRATED else "original"
    assert served_by(model, rows, tmp_path) == wanted
