"""Faults that are seeded into plans: the proof catches each of them, whatever engine runs it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightgbm
import msgspec
import numpy as np
import onnx
import pytest
import xgboost
from onnx import numpy_helper
from sklearn import ensemble, impute, linear_model, preprocessing, tree
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline

from leadsman_serving.columns import Column
from leadsman_serving.flavors.estimators import Estimator
from leadsman_serving.model import Model
from leadsman_serving.plans import features, stored, tree_text
from leadsman_serving.plans.boosted import FILE
from leadsman_serving.plans.candidates import candidates
from leadsman_serving.plans.compile import compile_model
from leadsman_serving.plans.composed import FILE as COMPOSED
from leadsman_serving.plans.hints import hints_of
from leadsman_serving.plans.proof import (
    Answer,
    Different,
    answers_of,
    prove,
    tables_for,
)
from leadsman_serving.plans.stored import FOLDER, load_plan
from leadsman_serving.plans.tree_rows import VALUES
from leadsman_serving.schema import Schema
from leadsman_serving.table import Table

pytestmark = pytest.mark.filterwarnings("ignore")

IRIS, KINDS = load_iris(return_X_y=True)
HOLES = np.where(np.random.default_rng(0).random(IRIS.shape) < 0.1, np.nan, IRIS)
TWO_KINDS = (KINDS > 0).astype(int)
WORDS = np.array(["red", "green", "blue"])[(IRIS[:, 0] * 10).astype(int) % 3]
NUMBERS = Schema(tuple(Column(f"x{place}", "double") for place in range(4)))
WITH_WORDS = Schema((*NUMBERS.columns, Column("colour", "string")))


@dataclass
class Made:
    """A plan in its folder, and what it has to be equal to."""

    model: Model
    folder: Path
    backend: str
    settings: dict[str, Any]

    tables: list[Table]
    answers: list[Answer]
    within: float

    def prove(self) -> None:
        """As when it is compiled."""
        plan = load_plan(self.folder, self.backend, self.settings)
        prove(plan, self.model.predictor, self.tables, self.answers, self.within)


def piped(last: Any) -> Any:
    """A pipeline over numbers with gaps and a column of words."""
    ones = preprocessing.OneHotEncoder(handle_unknown="ignore")
    numbers = make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())
    return make_pipeline(ColumnTransformer([("n", numbers, [0, 1, 2, 3]), ("w", ones, [4])]), last)


LINEAR = linear_model.LogisticRegression()
MODELS: Mapping[str, Any] = {
    "numpy": make_pipeline(preprocessing.StandardScaler(), LINEAR),
    "lightgbm": lightgbm.LGBMRegressor(n_estimators=10, verbose=-1),
    "lightgbm labels": lightgbm.LGBMClassifier(n_estimators=10, verbose=-1),
    # What no other engine knows.
    "xgboost": xgboost.XGBRegressor(n_estimators=10, max_depth=3, objective="reg:squaredlogerror"),
    "xgboost labels": xgboost.XGBClassifier(
        n_estimators=10, max_depth=3, multi_strategy="multi_output_tree"
    ),
    "trees": ensemble.RandomForestRegressor(8, random_state=0),
    "trees labels": ensemble.RandomForestClassifier(8, max_depth=3, random_state=0),
    "trees boosted": ensemble.HistGradientBoostingRegressor(max_iter=10),
    "trees xgboost": xgboost.XGBRegressor(n_estimators=10, max_depth=3),
    "trees xgboost labels": xgboost.XGBClassifier(n_estimators=10, max_depth=3),
    "onnx": ensemble.RandomForestRegressor(8, random_state=0),
    "onnx labels": ensemble.RandomForestClassifier(8, random_state=0),
    "composed": ensemble.StackingRegressor(
        [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3))], cv=3
    ),
    "composed labels": ensemble.VotingClassifier(
        [("a", LINEAR), ("b", tree.DecisionTreeClassifier(max_depth=3))],
        voting="soft",
        weights=[2, 1],
    ),
    "staged lightgbm": piped(lightgbm.LGBMRegressor(n_estimators=10, verbose=-1)),
    "staged numpy": piped(linear_model.Ridge()),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """Compiles a model of the table; each once."""
    done: dict[str, Made] = {}

    def make(name: str) -> Made:
        if name not in done:
            done[name] = _compiled(name, tmp_path_factory.mktemp("plan"))
        return done[name]

    return make


def _compiled(name: str, folder: Path) -> Made:
    staged = name.startswith("staged")
    takes_gaps = staged or "boost" in name or "lightgbm" in name
    rows: Any = HOLES if takes_gaps else IRIS
    if staged:
        rows = np.column_stack([rows.astype(object), WORDS])
    known = KINDS if "labels" in name else IRIS[:, 3] * TWO_KINDS if name != "numpy" else TWO_KINDS
    estimator = MODELS[name].fit(_frame(rows) if staged else rows, known)
    columns = (WITH_WORDS if staged else NUMBERS).columns
    example = tuple(
        [None if value != value else value for value in row]  # noqa: PLR0124 - NaN
        for row in rows[::30].tolist()
    )
    model = Model(Estimator(estimator), Schema(columns, (), takes_gaps), "sklearn", None, example)
    with pytest.MonkeyPatch.context() as patch:
        if name.startswith("onnx"):  # forests that the faster engine finds too large
            patch.setattr(tree_text, "MOST_NODES", 0)
        compiled = compile_model(model, "d", folder)
    assert compiled.plan is not None, compiled.refused
    assert compiled.plan.backend == name.removeprefix("staged ").split()[0], compiled.refused
    tables = tables_for(
        model.schema, example, hints_of(model.predictor, model.schema, example), model.predictor
    )
    answers = answers_of(model.predictor, tables)
    backend = compiled.plan.backend
    found = candidates(model.predictor, model.schema, example)
    within = next(one.within for one in found if one.backend == backend)
    settings = dict(compiled.plan.settings)
    return Made(model, folder / FOLDER, backend, settings, tables, answers, within)


def _frame(rows: Any) -> Any:
    return WITH_WORDS.table(
        [[None if one != one else one for one in row] for row in rows.tolist()]  # noqa: PLR0124
    ).frame()


def arrays(change: Callable[[dict[str, Any]], None], file: str = "arrays.npz") -> Any:
    """A fault in a file of arrays."""

    def seed(folder: Path, _settings: dict[str, Any]) -> None:
        with np.load(folder / file) as stored:
            found = {name: np.array(stored[name]) for name in stored}
        change(found)
        np.savez(folder / file, allow_pickle=False, **found)

    return seed


def text(pattern: str, change: Callable[[list[str]], list[str]]) -> Any:
    """A fault in a line of LightGBM's text: in that of the first tree that has one."""

    def seed(folder: Path, _settings: dict[str, Any]) -> None:
        model = (folder / FILE).read_text()
        found = re.search(rf"^{pattern}=(.*)$", model, re.MULTILINE)
        assert found is not None
        words = " ".join(change(found[1].split()))
        model = re.sub(r"^tree_sizes=.*\n", "", model, flags=re.MULTILINE)
        (folder / FILE).write_text(model.replace(found[0], f"{pattern}={words}", 1))

    return seed


def first(change: Callable[[float], float]) -> Callable[[list[str]], list[str]]:
    """The first number of a line, changed."""
    return lambda words: [repr(change(float(words[0]))), *words[1:]]


def boosted(name: str, change: Callable[[float], float]) -> Any:
    """A fault in the first tree of XGBoost's model."""

    def seed(folder: Path, _settings: dict[str, Any]) -> None:
        booster = xgboost.Booster(model_file=bytearray((folder / FILE).read_bytes()))
        model = json.loads(bytes(booster.save_raw("json")))
        trees = model["learner"]["gradient_booster"]["model"]["trees"]
        leaf = trees[0]["left_children"].index(-1)
        node = leaf if name == "leaf" else 0
        field = "split_conditions" if name in ("leaf", "split") else name
        trees[0][field][node] = change(trees[0][field][node])
        changed = xgboost.Booster(model_file=bytearray(json.dumps(model).encode()))
        (folder / FILE).write_bytes(bytes(changed.save_raw("ubj")))

    return seed


def graph(name: str, change: Callable[[Any], Any]) -> Any:
    """A fault in an attribute of the trees of a graph."""

    def seed(folder: Path, _settings: dict[str, Any]) -> None:
        model = onnx.load(str(folder / "plan.onnx"))
        (trees,) = [node for node in model.graph.node if node.op_type == "TreeEnsemble"]
        (found,) = [one for one in trees.attribute if one.name == name]
        found.t.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(found.t).copy())))
        onnx.save(model, str(folder / "plan.onnx"))

    return seed


def swapped(_folder: Path, settings: dict[str, Any]) -> None:
    """Two classes have each other's names."""
    settings["classes"] = settings["classes"][::-1]


def up(value: float) -> float:
    """The next single: the smallest step of an engine in singles."""
    return float(np.nextafter(np.float32(value), np.float32(np.inf)))


def ulp(value: float) -> float:
    """The next double."""
    return float(np.nextafter(value, np.inf))


def scale(name: str, times: float) -> Callable[[dict[str, Any]], None]:
    """An array times a number."""
    return lambda found: found.update({name: found[name] * times})


def in_part(place: int, seed: Any) -> Any:
    """A fault in a part of a plan that is made of plans."""

    def within(folder: Path, settings: dict[str, Any]) -> None:
        seed(folder / str(place), settings["parts"][place]["settings"])

    return within


def repeated(folder: Path, settings: dict[str, Any]) -> None:
    """The first part answers for the second as well."""
    shutil.rmtree(folder / "1")
    shutil.copytree(folder / "0", folder / "1")
    settings["parts"][1] = settings["parts"][0]


def turned(found: dict[str, Any]) -> None:
    """The voters have each other's weights."""
    found["weights"] = found["weights"][::-1]


def unlimited(_folder: Path, settings: dict[str, Any]) -> None:
    """Numbers are answered that the original refuses."""
    del settings["limit"]


def wrong_code(_folder: Path, settings: dict[str, Any]) -> None:
    """Two words stand for each other."""
    described = json.loads(json.dumps(settings["before"]))
    words = next(one for one in described["block"]["blocks"] if one["kind"] == features.WORDS)
    words["columns"][0]["values"].reverse()
    settings["before"] = described


def singles(found: dict[str, Any]) -> None:
    """Every array told in single precision."""
    found.update({name: one.astype(np.float32).astype(one.dtype) for name, one in found.items()})


def flipped(words: list[str]) -> list[str]:
    """Gaps go the other way in each split: the second bit of its type."""
    return [str(int(word) ^ 2) for word in words]


def first_of(change: Callable[[float], float]) -> Callable[[Any], Any]:
    """The first number of an array, changed."""
    return lambda array: np.array([change(float(array[0])), *array[1:]])


def as_a_single(value: float) -> float:
    """A split as the original has it: rows between are rounded to its other side."""
    return float(np.float32(value))


def first_leaf(found: dict[str, Any]) -> None:
    """The first leaf that counts, moved by the smallest step."""
    place = int(found["firsts"][1])
    found["values"][place] = up(found["values"][place])


def rolled(found: dict[str, Any]) -> None:
    """Each leaf has the value of its neighbour."""
    found["values"] = np.roll(found["values"], 1, axis=0)


def without_base(found: dict[str, Any]) -> None:
    """The sums begin at zero."""
    found["values"][0] = 0


def in_doubles(found: dict[str, Any]) -> None:
    """Leaves added up in double precision, where the original has single."""
    found["values"] = found["values"].astype(np.float64)


def undivided(_folder: Path, settings: dict[str, Any]) -> None:
    """A sum where a mean should be."""
    settings["divisor"] = 1


FAULTS: Mapping[str, tuple[str, Any]] = {
    "numpy weight 1e-4 off": ("numpy", arrays(scale("weights", 1 + 1e-4))),
    "numpy in singles": ("numpy", arrays(singles)),
    "numpy classes swapped": ("numpy", swapped),
    "lightgbm split moved by an ulp": ("lightgbm", text("threshold", first(ulp))),
    "lightgbm leaf an ulp off": ("lightgbm", text("leaf_value", first(ulp))),
    "lightgbm gaps go the other way": ("lightgbm", text("decision_type", flipped)),
    "lightgbm classes swapped": ("lightgbm labels", swapped),
    "lightgbm shares an ulp off": ("lightgbm labels", text("leaf_value", first(up))),
    "xgboost split moved by an ulp": ("xgboost", boosted("split", up)),
    "xgboost leaf 1e-4 off": ("xgboost", boosted("leaf", lambda leaf: leaf * (1 + 1e-4))),
    "xgboost gaps go the other way": ("xgboost", boosted("default_left", lambda to: 1 - to)),
    "xgboost classes swapped": ("xgboost labels", swapped),
    "trees split moved by an ulp": ("trees boosted", text("threshold", first(ulp))),
    "trees split before its rounding": ("trees", text("threshold", first(as_a_single))),
    "trees split at the wrong side of a single": (
        "trees xgboost", text("threshold", first(up)),
    ),
    "trees gaps go the other way": ("trees boosted", text("decision_type", flipped)),
    "trees leaf 1e-6 off": ("trees", arrays(scale("values", 1 + 1e-6), VALUES)),
    "trees leaf a single's ulp off": ("trees xgboost", arrays(first_leaf, VALUES)),
    "trees leaves of another tree": ("trees labels", arrays(rolled, VALUES)),
    "trees base forgotten": ("trees xgboost", arrays(without_base, VALUES)),
    "trees in doubles": ("trees xgboost", arrays(in_doubles, VALUES)),
    "trees classes swapped": ("trees xgboost labels", swapped),
    "trees not divided": ("trees", undivided),
    "trees without their limit": ("trees", unlimited),
    "composed weights swapped": (
        "composed labels", arrays(turned, COMPOSED),
    ),
    "composed classes swapped": ("composed labels", swapped),
    "composed of one part twice": ("composed labels", repeated),
    "composed weight of a part 1e-4 off": (
        "composed", in_part(0, arrays(scale("weights", 1 + 1e-4))),
    ),
    "composed leaf of a part 1e-6 off": (
        "composed", in_part(1, arrays(scale("values", 1 + 1e-6), VALUES)),
    ),
    "composed last model 1e-4 off": (
        "composed", in_part(2, arrays(scale("weights", 1 + 1e-4))),
    ),
    "onnx split moved by a single's ulp": ("onnx", graph("nodes_splits", first_of(up))),
    "onnx leaf 1e-4 off": ("onnx", graph("leaf_weights", lambda all_: all_ * (1 + 1e-4))),
    "onnx leaf of a class moved": ("onnx labels", graph("leaf_weights", lambda all_: all_[::-1])),
    "features 1e-4 off": (
        "staged numpy", arrays(scale("a1", 1 + 1e-4), features.FILE),
    ),
    "features in singles": ("staged lightgbm", arrays(singles, features.FILE)),
    "wrong code of a category": ("staged numpy", wrong_code),
    "staged split 1e-12 off": (
        "staged lightgbm", text("threshold", first(lambda split: split + 1e-12 * abs(split))),
    ),
}  # fmt: skip


def test_every_engine_has_faults_seeded() -> None:
    """A new engine comes with its own."""
    seeded = {name.removeprefix("staged ").split()[0] for name, _ in FAULTS.values()}

    assert seeded == set(stored.ENGINES)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught(fault: str, made: Callable[[str], Made], tmp_path: Path) -> None:
    """Whatever is a little wrong in a plan makes the proof refuse; the same plan without it is
    proven.
    """
    name, seed = FAULTS[fault]
    whole = made(name)
    whole.prove()
    folder = tmp_path / "plan"
    shutil.copytree(whole.folder, folder)
    settings = msgspec.json.decode(msgspec.json.encode(whole.settings))
    seed(folder, settings)

    with pytest.raises(Different):
        replace(whole, folder=folder, settings=settings).prove()
