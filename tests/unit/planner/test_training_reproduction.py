"""A version that is trained again, from the operator's side: one Job, and its verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from leadsman_api.conclusion import Reproduction
from leadsman_api.conditions import ConditionType
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.training_run_status import RunPhase
from leadsman_operator.facts import Missing, ModelFacts, RunFacts
from leadsman_operator.planner.plan import ApplyObject, SetAlias
from support.trainings import CONCLUDE, Bench, a_run

NO_DATABASE = Missing(Reason.SPEC_INVALID, "write spec.search.storage")


def begun() -> Bench:
    """A run that has made its Job; nobody names a database, and none is needed."""
    resource = a_run(search=None, reproduce={"version": 7})
    bench = Bench(resource, model=ModelFacts("churn", {"champion": 7}), study_url=NO_DATABASE)
    bench.settle()
    return bench


def written(verdict: str, **status: Any) -> str:
    """What the Job writes on its run."""
    return Reproduction.model_validate(
        {
            "reproduction": {"verdict": verdict, **status},
            "provenance": {"dataDigest": "sha256:d", "rows": 569},
        }
    ).to_text()


def test_one_job_trains_it_again() -> None:
    """No search and no study: the pod is told to reproduce, and by which image it runs."""
    bench = begun()
    applied = [action.manifest for action in bench.done if isinstance(action, ApplyObject)]
    jobs = [one for one in applied if one["kind"] == "Job"]
    assert [job["metadata"]["name"] for job in jobs] == [CONCLUDE]
    assert not [one for one in applied if one["metadata"]["name"] == "churn-study"]
    container = jobs[0]["spec"]["template"]["spec"]["containers"][0]
    environment = {one["name"]: one.get("value") for one in container["env"]}
    assert container["args"] == ["reproduce"]
    assert "LEADSMAN_STUDY_URL" not in environment
    assert environment["LEADSMAN_IMAGE"] == "leadsman/training:test"
    assert bench.status.phase is RunPhase.CONCLUDING
    assert bench.condition(ConditionType.REPRODUCED)[0] == "Unknown"
    assert ConditionType.SEARCHED not in {one.type for one in bench.status.conditions}


@pytest.mark.parametrize(
    ("verdict", "difference", "phase", "reason", "said"),
    [
        (
            "Exact", None, RunPhase.SUCCEEDED, Reason.REPRODUCED_EXACTLY,
            "again gave the same model, to the last bit; no recorded input differs",
        ),
        (
            "Statistical", "image: was a and is b", RunPhase.SUCCEEDED,
            Reason.REPRODUCED_STATISTICALLY, "the first input that differs: image: was a and is b",
        ),
        (
            "NotReproducible", "data: was c and is d", RunPhase.FAILED, Reason.NOT_REPRODUCIBLE,
            "predictions differ by 0.25 at most; the first input that differs: data: was c and is",
        ),
    ],
)  # fmt: skip
def test_the_verdict_ends_the_run(
    verdict: str, difference: str | None, phase: RunPhase, reason: Reason, said: str
) -> None:
    """In the status with all that was found; no alias moves."""
    bench = begun()
    largest = 0.0 if verdict == "Exact" else 0.25
    found = written(verdict, largestDifference=largest, firstDifference=difference)
    bench.end_job(CONCLUDE)
    assert isinstance(bench.run, RunFacts)
    bench.run = replace(bench.run, tags={**bench.run.tags, Tag.REPRODUCTION.value: found})
    bench.settle()

    assert (bench.status.phase, bench.status.message is not None) == (phase, True)
    assert said in (bench.status.message or "")
    assert bench.status.reproduction is not None
    assert bench.status.reproduction.first_difference == difference
    assert bench.status.provenance is not None
    assert bench.status.provenance.rows == 569
    holds = "False" if verdict == "NotReproducible" else "True"
    assert bench.condition(ConditionType.REPRODUCED) == (holds, reason)
    assert bench.status.model_version is None
    assert not [action for action in bench.done if isinstance(action, SetAlias)]


def test_a_job_that_says_nothing_ends_the_run() -> None:
    """Operator and image of two versions."""
    bench = begun()
    bench.end_job(CONCLUDE)
    bench.settle()

    assert bench.status.phase is RunPhase.FAILED
    assert f"no tag {Tag.REPRODUCTION}" in (bench.status.message or "")
