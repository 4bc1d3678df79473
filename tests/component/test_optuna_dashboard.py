"""The dashboard of the demo's stack: it shows what our workers have found, and changes nothing."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from leadsman_api.studies import TrialAttribute, study_database
from leadsman_operator.adapters.studies import OptunaStudies
from leadsman_operator.facts import StudyFacts
from support.mlflow_server import mlflow_server
from support.postgres import HAS_POSTGRES, postgres
from support.repository import ROOT
from support.training_processes import Training, a_training
from support.web_server import web_server

pytestmark = pytest.mark.skipif(not HAS_POSTGRES, reason="the machine has no PostgreSQL")
PROGRAMS = Path(sys.executable).parent
TEMPLATE = (ROOT / "charts/leadsman-stack/templates/optuna-dashboard.yaml").read_text()


def line_with(words: str) -> Any:
    """One line of the chart's template, read as YAML."""
    (line,) = [line for line in TEMPLATE.splitlines() if words in line]
    return yaml.safe_load(line)


FIRST: list[str] = line_with("command:")["command"]
SERVER: str = line_with("--server=")[0]
READ_ONLY = {one["name"]: one["value"] for one in line_with("PGOPTIONS")}


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """One that nobody has searched in, as the chart's first container leaves it."""
    with postgres() as url:
        command = [str(PROGRAMS / word) if word == "optuna" else word for word in FIRST]
        environment = {**os.environ, "OPTUNA_STORAGE": study_database(url)}
        subprocess.run(command, env=environment, capture_output=True, timeout=300, check=True)
        yield url


@pytest.fixture(scope="module")
def dashboard(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The real program, told what the chart tells it."""

    def command(port: int) -> list[str]:
        program = str(PROGRAMS / "optuna-dashboard")
        return [program, study_database(database), SERVER, f"--port={port}"]

    folder = tmp_path_factory.mktemp("dashboard")
    with (
        web_server(command, folder, health="/api/meta", environment=READ_ONLY) as server,
        httpx.Client(base_url=server.address) as client,
    ):
        assert client.get("/api/studies").json() == {"study_summaries": []}
        yield client


@pytest.fixture(scope="module")
def searched(
    database: str, dashboard: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Training]:
    """A search of our own worker, while the dashboard looks at the database."""
    assert dashboard.get("/dashboard").status_code == 200
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as tracking:
        training = a_training(tmp_path_factory.mktemp("search"), tracking, database)
        environment = {**os.environ, **training.environment()}
        worker = [sys.executable, "-m", "leadsman_training", "work"]
        subprocess.run(worker, env=environment, capture_output=True, timeout=300, check=True)
        yield training


def study_of(searched: Training) -> StudyFacts:
    """What has been found, as the operator reads it."""
    studies = OptunaStudies()
    found = asyncio.run(studies.study(searched.url, searched.study_name))
    studies.close()
    assert found is not None
    return found


def detail_of(dashboard: httpx.Client, name: str) -> tuple[int, dict[str, Any]]:
    """The number of a study, and all that the dashboard shows of it."""
    summaries = dashboard.get("/api/studies").json()["study_summaries"]
    (number,) = [one["study_id"] for one in summaries if one["study_name"] == name]
    detail: dict[str, Any] = dashboard.get(f"/api/studies/{number}").json()
    return number, detail


def test_it_shows_the_trials_of_a_worker(searched: Training, dashboard: httpx.Client) -> None:
    """Values, parameters and the MLflow run of each, under the name of the study."""
    _, detail = detail_of(dashboard, searched.study_name)
    shown = {trial["number"]: trial for trial in detail["trials"]}
    found = study_of(searched).trials
    assert sorted(shown) == [trial.number for trial in found] == [0, 1, 2]
    for trial in found:
        one = shown[trial.number]
        assert one["state"].upper() == trial.state
        assert tuple(one["values"]) == trial.values
        assert {param["name"] for param in one["params"]} == set(trial.parameters)
        attributes = {each["key"]: each["value"] for each in one["user_attrs"]}
        assert trial.run_id is not None
        assert trial.run_id in attributes[TrialAttribute.RUN_ID]
    (best,) = detail["best_trials"]
    complete = [trial for trial in found if trial.state == "COMPLETE"]
    assert best["number"] == max(complete, key=lambda trial: trial.values).number


def test_its_page_is_served(dashboard: httpx.Client) -> None:
    """With the program that the browser runs, from its own address."""
    page = dashboard.get("/dashboard")
    (program,) = re.findall(r'src="?(/static/[^">]+)', page.text)
    assert dashboard.get(program).status_code == 200


def test_the_database_refuses_its_writes(searched: Training, dashboard: httpx.Client) -> None:
    """It has buttons that delete and rename, and asks nobody who they are."""
    number, before = detail_of(dashboard, searched.study_name)
    note = {"body": "mine", "version": 1}
    tried = [
        dashboard.request("DELETE", f"/api/studies/{number}", json={}),
        dashboard.post(f"/api/studies/{number}/rename", json={"study_name": "another"}),
        dashboard.put(f"/api/studies/{number}/note", json=note),
    ]
    assert [answer.status_code for answer in tried] == [500, 500, 500]
    assert detail_of(dashboard, searched.study_name)[1] == before
    assert len(study_of(searched).trials) == 3
