"""Models of each flavor, saved by MLflow as users save them, with MLflow's own answers.

A program of its own: MLflow and its libraries warn when they are imported, which tests refuse.
Usage: make_models.py FOLDER; each model is a folder in it, `answers.json` tells how MLflow's
scoring server answers bodies for them.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm
import mlflow
import numpy as np
import pandas as pd
import scipy.stats
import xgboost
import yaml
from mlflow.models import infer_signature
from mlflow.pyfunc import scoring_server
from mlflow.pyfunc.model import PythonModel
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from starlette.testclient import TestClient
from typing_extensions import override

# What pytest reads as packages is a plain folder when this file runs.
sys.path.insert(0, str(Path(__file__).parents[1]))
from support.onnx_bytes import sum_of_columns, weighted_sum

ROWS = 60
RANDOM = np.random.default_rng(0)
TABLE = pd.DataFrame(RANDOM.normal(size=(ROWS, 3)), columns=["a", "b", "c"])
KNOWN = (TABLE["a"] + TABLE["b"] > 0).astype(int)
MIXED = pd.DataFrame(
    {
        "age": np.arange(ROWS, dtype=np.int64),
        "height": TABLE["a"],
        "kind": ["red", "blue"] * (ROWS // 2),
        "new": [True, False, False] * (ROWS // 3),
    }
)


class Doubled(PythonModel):
    """Code of its own."""

    @override
    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.Series[float]:
        """Some times the first column; fails for negative numbers."""
        if (model_input["a"] < 0).any():
            raise ValueError("a secret of the model")
        return model_input["a"] * (params or {"times": 2})["times"]


class Broken(PythonModel):
    """Fails whatever it is asked."""

    @override
    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[float]:
        """Nothing."""
        raise ValueError(f"{len(model_input)} rows are too many")


class Foreign(RegressorMixin, BaseEstimator):  # type: ignore[misc] # of a library without types
    """An estimator that no library has."""

    def fit(self, rows: object, known: object) -> Foreign:
        """Nothing is learned."""
        del rows, known
        self.fitted_ = True
        return self

    def predict(self, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
        """One for each row."""
        return np.ones(len(rows))


def sklearn_models(folder: Path) -> None:
    """Estimators of scikit-learn in each of its formats."""
    save = mlflow.sklearn.save_model
    scaled = make_pipeline(StandardScaler(), LogisticRegression()).fit(TABLE, KNOWN)
    save(scaled, folder / "skops", serialization_format="skops", **shared())
    save(scaled, folder / "pickle", serialization_format="cloudpickle", **shared())
    forest = RandomForestClassifier(5, n_jobs=2, random_state=0)
    mixture = VotingClassifier([("one", forest), ("two", LogisticRegression())], voting="soft")
    trusted = ["sklearn.tree._tree.Tree", "sklearn.utils._bunch.Bunch"]
    save(
        mixture.fit(TABLE, KNOWN),
        folder / "forest",
        serialization_format="skops",
        skops_trusted_types=trusted,
        **shared(),
    )
    words = ColumnTransformer([("kind", OneHotEncoder(), ["kind"])], remainder="passthrough")
    trees = make_pipeline(words, HistGradientBoostingRegressor(max_iter=3)).fit(MIXED, TABLE["b"])
    predictor = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
    mixed = {**shared(), "signature": infer_signature(MIXED, TABLE["b"])}
    save(
        trees,
        folder / "mixed",
        serialization_format="skops",
        skops_trusted_types=[predictor],
        **{**mixed, "input_example": MIXED.head(2)},
    )
    save(trees, folder / "wordy", serialization_format="cloudpickle", **no_example(mixed))


def slow_models(folder: Path) -> None:
    """A forest of which each call takes long, and which fails for a word that it does not know."""
    words = ColumnTransformer([("kind", OneHotEncoder(), ["kind"])], remainder="passthrough")
    trees = RandomForestRegressor(100, max_depth=3, random_state=0)
    signature = infer_signature(MIXED, TABLE["b"])
    signature.params = ParamSchema([ParamSpec("alone", "long", 0)])
    mlflow.sklearn.save_model(
        make_pipeline(words, trees).fit(MIXED, TABLE["b"]),
        folder / "slow",
        serialization_format="skops",
        skops_trusted_types=["sklearn.tree._tree.Tree"],
        signature=signature,
        input_example=MIXED.head(4),
        pip_requirements=["scikit-learn"],
    )


def nameless_models(folder: Path) -> None:
    """Estimators that were fitted with arrays: their columns have no names."""
    save = mlflow.sklearn.save_model
    array = TABLE.to_numpy()
    bare = LogisticRegression().fit(array, KNOWN)
    save(bare, folder / "bare", serialization_format="skops", pip_requirements=["scikit-learn"])
    tensor = {**shared(), "signature": infer_signature(array, KNOWN), "input_example": array[:2]}
    save(bare, folder / "tensor", serialization_format="skops", **tensor)
    unnamed = Schema([ColSpec("double")] * 3)
    nameless = {**no_example(shared()), "signature": mlflow.models.ModelSignature(unnamed)}
    save(
        bare,
        folder / "nameless",
        serialization_format="skops",
        pyfunc_predict_fn="predict_proba",
        **nameless,
    )


def unsafe_models(folder: Path) -> None:
    """Skops files with types that are not on our list, for which MLflow was told to trust them."""
    save = mlflow.sklearn.save_model
    foreign = [f"{Foreign.__module__}.Foreign"]
    model = Foreign().fit(None, None)
    save(
        model,
        folder / "foreign",
        serialization_format="skops",
        skops_trusted_types=foreign,
        **shared(),
    )
    # A distribution of SciPy executes the text in this attribute when it is built.
    frozen = scipy.stats.loguniform(1, 2)
    marker = str(folder / "was-run")
    frozen.dist._parse_arg_template += f"\nopen({marker!r}, 'w').close()\n"  # noqa: SLF001
    hole = LogisticRegression().fit(TABLE, KNOWN)
    hole.hole_ = frozen
    trusted = [
        "scipy.stats._continuous_distns.reciprocal_gen",
        "scipy.stats._distn_infrastructure.rv_continuous_frozen",
    ]
    save(
        hole,
        folder / "hole",
        serialization_format="skops",
        skops_trusted_types=trusted,
        **no_example(shared()),
    )
    (folder / "was-run").unlink(missing_ok=True)


def boosted_models(folder: Path) -> None:
    """Estimators and boosters of XGBoost and LightGBM."""
    boosted = xgboost.XGBClassifier(n_estimators=3).fit(TABLE, KNOWN)
    mlflow.xgboost.save_model(boosted, folder / "xgboost", **shared())
    mlflow.xgboost.save_model(boosted.get_booster(), folder / "booster", **shared())
    light = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(TABLE, KNOWN)
    mlflow.lightgbm.save_model(light.booster_, folder / "lightgbm", **shared())
    mlflow.lightgbm.save_model(light, folder / "lgbm", serialization_format="skops", **shared())


def code_models(folder: Path) -> None:
    """Models that are programs."""
    params = ParamSchema([ParamSpec("times", "long", 2)])
    signature = infer_signature(TABLE, TABLE["a"])
    signature.params = params
    doubled = {**no_example(shared()), "signature": signature}
    mlflow.pyfunc.save_model(folder / "pyfunc", python_model=Doubled(), **doubled)
    mlflow.pyfunc.save_model(folder / "broken", python_model=Broken(), **no_example(shared()))


def onnx_models(folder: Path) -> None:
    """What MLflow writes for ONNX, without the library that it needs to write it."""
    three = [{"type": "float", "name": name, "required": True} for name in "abc"]
    spec = {"dtype": "float32", "shape": [-1, 3]}
    matrix = [{"type": "tensor", "tensor-spec": spec}]
    one = {"dtype": "float32", "shape": [-1, 1]}
    pair = [{"name": name, "type": "tensor", "tensor-spec": one} for name in "ab"]
    weighted = weighted_sum([1.0, 10.0, 100.0])
    for name, inputs, content in (
        ("onnx", three, weighted),
        ("onnx-tensor", matrix, weighted),
        ("onnx-pair", pair, sum_of_columns()),
        ("onnx-columns", three[:2], sum_of_columns()),
    ):
        described = {
            "flavors": {
                "onnx": {"data": "model.onnx", "onnx_version": "1.20.0"},
                "python_function": {"loader_module": "mlflow.onnx", "data": "model.onnx"},
            },
            "signature": {"inputs": json.dumps(inputs), "outputs": None, "params": None},
        }
        (folder / name).mkdir()
        (folder / name / "model.onnx").write_bytes(content)
        (folder / name / "MLmodel").write_text(yaml.safe_dump(described))


def shared() -> dict[str, Any]:
    """What most models are saved with."""
    return {
        "signature": infer_signature(TABLE, KNOWN),
        "input_example": TABLE.head(2),
        "pip_requirements": ["scikit-learn==0.1", "unheard-of==1", "pandas"],
    }


def no_example(options: dict[str, Any]) -> dict[str, Any]:
    """The same without an example."""
    return {**options, "input_example": None}


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Bodies by the model that they are for."""
    several = TABLE.head(5)
    rows, records = several.to_numpy().tolist(), several.to_dict("records")
    turned = several[["c", "a", "b"]]
    forms: dict[str, Any] = {
        "split": {"dataframe_split": several.to_dict("split")},
        "split in another order": {"dataframe_split": turned.to_dict("split")},
        "records": {"dataframe_records": records},
        "records with more": {"dataframe_records": [{**one, "d": 1} for one in records]},
        "whole numbers": {"dataframe_records": [{"a": 1, "b": 2, "c": 3}]},
        "instances": {"instances": records},
        "columns": {"inputs": several.to_dict("list")},
    }
    names = ["skops", "forest", "pickle", "xgboost", "booster", "lightgbm", "lgbm"]
    for name in names:
        yield from ((name, body) for body in forms.values())
    for name in ("tensor", "bare", "nameless"):
        yield name, {"inputs": rows}
        yield name, {"instances": rows}
    for form in ("records", "instances"):
        yield "nameless", forms[form]
    yield "nameless", {"dataframe_split": {"data": rows}}
    some = MIXED.head(4)
    yield "mixed", {"dataframe_split": some.to_dict("split")}
    yield "mixed", {"inputs": some.to_dict("list")}
    yield "mixed", {"dataframe_records": some.to_dict("records")}
    gap = [{"age": 1, "height": None, "kind": "red", "new": True}]
    yield "mixed", {"dataframe_records": gap}
    yield "pyfunc", {"inputs": {"a": [1.5, 2.5], "b": [0.0, 0.0], "c": [0.0, 0.0]}}
    yield "pyfunc", {"dataframe_records": [{"a": 1.0, "b": 1.0, "c": 1.0}], "params": {"times": 5}}
    known = {"a": [1.5], "b": [0.0], "c": [0.0]}
    for params in ({}, {"times": 5, "who": 1}, {"who": 1}):
        yield "pyfunc", {"inputs": known, "params": params}
    yield "skops", {"inputs": known, "params": {"times": 5}}
    yield "onnx", {"dataframe_records": records}
    yield "onnx-tensor", {"inputs": rows}
    yield "onnx-pair", {"inputs": {"a": [[1.0], [2.0]], "b": [[3.0], [4.0]]}}


def answers(folder: Path) -> list[dict[str, Any]]:
    """What MLflow's scoring server answers to each body."""
    found, clients = [], {}
    for name, body in bodies():
        if name not in clients:
            model = mlflow.pyfunc.load_model(str(folder / name))
            clients[name] = TestClient(scoring_server.init(model))
        answer = clients[name].post("/invocations", json=body)
        found.append(
            {"model": name, "body": body, "status": answer.status_code, "answer": answer.json()}
        )
    csv = TABLE.head(3).to_csv(index=False)
    answer = clients["skops"].post(
        "/invocations", content=csv, headers={"content-type": "text/csv"}
    )
    found.append({"model": "skops", "csv": csv, "status": 200, "answer": answer.json()})
    for name, frame in (("skops", TABLE.assign(d=1)[["c", "d", "a", "b"]]), ("mixed", MIXED)):
        body = frame.head(4).to_parquet()
        parquet = {"content-type": scoring_server.CONTENT_TYPE_PARQUET}
        answer = clients[name].post("/invocations", content=body, headers=parquet)
        text = base64.b64encode(body).decode()
        found.append({"model": name, "parquet": text, "status": 200, "answer": answer.json()})
    return found


def main(folder: Path) -> None:
    """Save them all."""
    sklearn_models(folder)
    slow_models(folder)
    nameless_models(folder)
    unsafe_models(folder)
    boosted_models(folder)
    code_models(folder)
    onnx_models(folder)
    (folder / "answers.json").write_text(json.dumps(answers(folder)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
