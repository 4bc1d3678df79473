"""What a model needs where it is loaded."""

from __future__ import annotations

from importlib import import_module, metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typing_extensions import override

from leadsman_api.v1alpha1.trainer import Algorithm
from leadsman_training.estimators import build
from leadsman_training.needs import Needs, needs_of


def fitted(algorithm: Algorithm) -> object:
    """A built-in estimator."""
    rows = pd.DataFrame({"number": np.arange(40.0), "word": ["a", "b"] * 20})
    target = pd.Series([0, 1] * 20)
    parameters = {} if algorithm is Algorithm.LINEAR else {"n_estimators": 2}
    return build(algorithm, parameters, 1, rows, target, classes=True).fit(rows, target)


def named(needs: Needs) -> set[str]:
    """The packages without their versions."""
    return {one.partition("==")[0] for one in needs.requirements}


@pytest.mark.parametrize(
    ("algorithm", "library"),
    [
        (Algorithm.LINEAR, set()),
        (Algorithm.XGBOOST, {"xgboost-cpu"}),
        (Algorithm.LIGHTGBM, {"lightgbm"}),
    ],
)
def test_an_estimator_needs_its_library_and_no_other(
    algorithm: Algorithm, library: set[str]
) -> None:
    """With the versions that are here."""
    needs = needs_of(fitted(algorithm), "skops")

    assert named(needs) - {"scipy"} == {"numpy", "pandas", "scikit-learn", "skops", *library}
    assert f"scikit-learn=={metadata.version('scikit-learn')}" in needs.requirements
    assert needs.code == ()


@pytest.fixture
def own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that nobody has installed, whose modules import each other and a library."""
    folder = tmp_path / f"own{tmp_path.name.replace('-', '_')}"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "layers.py").write_text("import json\nfrom lightgbm import Booster\n")
    (folder / "model.py").write_text("from .layers import Booster\n\nclass Model:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_own_modules_come_along_with_what_they_import(own_package: Path) -> None:
    """The folder of the package, and the library that another of its modules imports."""
    model = import_module(f"{own_package.name}.model").Model()
    needs = needs_of(model, "cloudpickle")

    assert needs.code == (str(own_package),)
    assert named(needs) == {"numpy", "pandas", "cloudpickle", "lightgbm"}


def test_a_model_that_cant_be_pickled_needs_its_library() -> None:
    """Its flavor stores it in another way."""

    class Stubborn(pd.DataFrame):  # type: ignore[misc]
        """Of this module, and not to be pickled."""

        @override
        def __reduce_ex__(self, protocol: object) -> str:
            """No."""
            raise TypeError(protocol)

    Stubborn.__module__ = "lightgbm.basic"

    assert "lightgbm" in named(needs_of(Stubborn(), "cloudpickle"))
