"""What an image may leave out: which libraries belong to which extra, and who may import them."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator

import pytest

from leadsman_api.reasons import Reason
from leadsman_serving.extras import EXTRA_OF, lacking
from support.repository import ROOT

PACKAGE = ROOT / "serving-runtime/src/leadsman_serving"
PROJECT = tomllib.loads((ROOT / "serving-runtime/pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
SOLD_AS = {"mlflow": "mlflow-skinny", "sklearn": "scikit-learn", "xgboost": "xgboost-cpu"}
"""Packages whose distribution has another name."""
OPTIONAL = {*EXTRA_OF, "onnx", "skl2onnx"}
MAY_IMPORT = ("fetch", "flavors", "plans")
"""Parts of the package whose modules are imported only where their library is needed."""


def names_of(requirements: list[str]) -> set[str]:
    """The distributions of a list of requirements."""
    return {re.split(r"[\[<>=;, ]", one)[0] for one in requirements}


def imported_at_once(tree: ast.Module) -> Iterator[str]:
    """The packages that importing a module imports: not those of functions or for types only."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).partition(".")[0]


@pytest.mark.parametrize("package", EXTRA_OF)
def test_the_extra_that_is_named_brings_the_package(package: str) -> None:
    """Who does what the refusal says has what was missing, and no image has it without."""
    distribution = SOLD_AS.get(package, package)

    assert distribution in names_of(EXTRAS[EXTRA_OF[package]])
    assert distribution not in names_of(PROJECT["dependencies"])


def test_all_is_every_flavor() -> None:
    """The default image serves each, and reads every body."""
    named = {name for one in EXTRAS["all"] for name in re.findall(r"\w+", one.partition("[")[2])}

    assert named == set(EXTRAS) - {"all"}


def test_optional_libraries_are_imported_where_they_are_needed() -> None:
    """The core of the server can be imported without any of them."""
    found = {
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in MAY_IMPORT
        for name in imported_at_once(ast.parse(path.read_text()))
        if name in OPTIONAL
    }

    assert found == set()


def test_a_refusal_names_package_extra_and_field() -> None:
    """Whoever reads it knows which image to take, or what to install in one of their own."""
    known, unknown = lacking("sklearn.linear_model", "flavor sklearn"), lacking("wonder", "it")

    assert known.reason is unknown.reason is Reason.REQUIREMENTS_MISMATCH
    assert "leadsman-serving[sklearn]" in known.message
    assert "no package sklearn, which flavor sklearn needs" in known.message
    assert unknown.message.endswith("set spec.serving.image to one that has")
