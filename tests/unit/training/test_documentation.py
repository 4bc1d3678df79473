"""What the pages on training show works as they show it: resources, options, own code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from leadsman_api import TrainingRun
from leadsman_api.loading import InvalidResource, parse_resource
from leadsman_api.reasons import Reason
from leadsman_api.termination import ExitCode
from leadsman_api.v1alpha1.search import Pruner, PrunerOptions, Sampler, SamplerOptions
from leadsman_training.candidate import Run
from support.repository import ROOT
from support.training_processes import last_words

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")

PAGES = {
    name: (ROOT / f"docs/{name}.md").read_text() for name in ("training", "search", "own-code")
}
SPEC: dict[str, Any] = {
    "model": {"name": "churn"},
    "data": {"source": {"uri": "pvc://data/churn.parquet"}, "target": "churned"},
    "objective": {"metric": "roc_auc"},
}
SPACE = {"x": {"int": [1, 3]}}
VALUES = {"group": True, "percentile": 50, "minDelta": 0.1, "pThreshold": 0.5}
"""Of options that 2 is no good value of."""


def blocks(page: str, language: str) -> list[str]:
    """The code of a language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)


def accepted(spec: Mapping[str, Any]) -> TrainingRun:
    """The resource with a spec; raises InvalidResource."""
    found = parse_resource(
        {
            "apiVersion": "leadsman.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "churn"},
            "spec": spec,
        }
    )
    assert isinstance(found, TrainingRun)
    return found


RESOURCES = [(page, yaml.safe_load(text)) for page in PAGES for text in blocks(page, "yaml")]


@pytest.mark.parametrize(
    "shown",
    [shown for _, shown in RESOURCES],
    ids=[f"{page}-{'-'.join(shown)}" for page, shown in RESOURCES],
)
def test_every_resource_that_is_shown_is_accepted(shown: dict[str, Any]) -> None:
    """Whole ones, and parts of a spec."""
    accepted(shown["spec"] if "kind" in shown else {**SPEC, **shown.get("spec", shown)})


def table(field: str) -> dict[str, set[str]]:
    """The options by the values of a field, as the page has them."""
    text = PAGES["search"]
    rows = text[text.index(f"| `{field}` |") :].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {
        name: set(re.findall(r"`(\w+)`", options))
        for names, _, options in cells
        for name in re.findall(r"`(\w+)`", names)
    }


def taken(kind: str, value: str, options: type[SamplerOptions | PrunerOptions]) -> set[str]:
    """The options that go together with a sampler or pruner."""
    names = {field.alias or name for name, field in options.model_fields.items()}
    return {name for name in names if _goes(kind, value, name)}


def _goes(kind: str, value: str, option: str) -> bool:
    given = {kind: value, f"{kind}Options": {option: VALUES.get(option, 2)}, "space": SPACE}
    try:
        accepted({**SPEC, "search": given})
    except InvalidResource:
        return False
    return True


def test_samplers_and_pruners_have_the_options_that_are_told() -> None:
    """Each of them, and no other option."""
    samplers, pruners = table("search.sampler"), table("search.pruner")
    assert samplers == {one.value: taken("sampler", one.value, SamplerOptions) for one in Sampler}
    assert pruners == {one.value: taken("pruner", one.value, PrunerOptions) for one in Pruner}


def test_the_run_has_what_is_told_of_it() -> None:
    """By name, and methods by their arguments."""
    text = PAGES["own-code"]
    rows = text[text.index("| of `run` |") :].partition("\n\n")[0].splitlines()[2:]
    told = [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert len(told) >= 9
    for one in told:
        name, is_method, arguments = one.rstrip(")").partition("(")
        assert name in {*Run.__dataclass_fields__, *vars(Run)}
        if is_method:
            wanted = [word.partition("=")[0].strip() for word in arguments.split(",") if word]
            assert list(inspect.signature(getattr(Run, name)).parameters)[1:] == wanted


def test_the_first_example_of_own_code_is_searched_and_registered(
    pod: Callable[..., dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands on the page."""
    example, *_ = blocks("own-code", "python")
    (tmp_path / "shown_on_the_page.py").write_text(example)
    monkeypatch.syspath_prepend(tmp_path)
    environment = pod(trainer={"entrypoint": "shown_on_the_page:objective"})
    assert last_words("work", environment)[0] is ExitCode.DONE
    code, said = last_words("conclude", environment)
    assert (code, said.reason) == (ExitCode.DONE, Reason.REGISTERED)


def test_all_examples_of_own_code_are_python() -> None:
    """Those of libraries that are not here, too."""
    for example in blocks("own-code", "python"):
        compile(example, "own-code.md", "exec")
