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
from leadsman_operator.planner.plan import ApplyObject, SetAlias, TagVersion
from support.trainings import CONCLUDE, Bench, a_run

NO_DATABASE = Missing(Reason.SPEC_INVALID, "write spec.search.storage")


def begun() -> Bench:
    """A run that has made its Job; nobody names a database, and none is needed."""
    resource = a_run(search=None, reproduce={"version": 7})
    bench = Bench(resource, model=ModelFacts("churn", {"champion": 7}), study_url=NO_DATABASE)
    bench.settle()
    return bench


def written(verdict: str, image: str | None = "sha256:a", **status: Any) -> str:
    """What the Job writes on its run, of a version that an image made."""
    return Reproduction.model_validate(
        {
            "reproduction": {"verdict": verdict, **status},
            "provenance": {"dataDigest": "sha256:d", "rows": 569},
            "podUid": f"uid-{CONCLUDE}-0",
            **({"recordedImage": image} if image else {}),
        }
    ).to_text()


def ended(text: str, image: str | None = "sha256:a") -> Bench:
    """A run whose Job has ended in a pod of that image, and has said something."""
    bench = begun()
    bench.start_pods(CONCLUDE)
    bench.change_pod(f"{CONCLUDE}-0", image_digest=image)
    bench.end_job(CONCLUDE)
    assert isinstance(bench.run, RunFacts)
    bench.run = replace(bench.run, tags={**bench.run.tags, Tag.REPRODUCTION.value: text})
    bench.settle()
    return bench


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
            "Statistical", "seed: was 1 and is 2", RunPhase.SUCCEEDED,
            Reason.REPRODUCED_STATISTICALLY, "the first input that differs: seed: was 1 and is 2",
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
    largest = 0.0 if verdict == "Exact" else 0.25
    bench = ended(written(verdict, largestDifference=largest, firstDifference=difference))

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


@pytest.mark.parametrize(
    ("verdict", "seen", "was", "now", "differs"),
    [
        ("Exact", None, "sha256:a", "sha256:a", None),
        ("Exact", None, "sha256:a", "sha256:b", "image: was sha256:a and is sha256:b"),
        ("Statistical", None, "sha256:a", "sha256:b", "image: was sha256:a and is sha256:b"),
        ("NotReproducible", None, "sha256:a", "sha256:b", "image: was sha256:a and is sha256:b"),
        ("NotReproducible", "packages: numpy was 1 and is 2", "sha256:a", "sha256:b",
         "packages: numpy was 1 and is 2"),
        ("NotReproducible", None, "sha256:a", "sha256:a",
         "no input that is recorded: training gives another model each time"),
    ],
)  # fmt: skip
def test_another_image_is_named_by_its_digest(
    verdict: str, seen: str | None, was: str | None, now: str | None, differs: str | None
) -> None:
    """After all that the pod itself has found; the same stands on the version."""
    bench = ended(written(verdict, was, firstDifference=seen), now)

    assert bench.status.reproduction is not None
    assert bench.status.reproduction.first_difference == differs
    assert bench.status.provenance is not None
    assert bench.status.provenance.image_digest == now
    (tagged,) = bench.deeds(TagVersion)
    assert (tagged.model, tagged.version) == ("churn", 7)
    told = Reproduction.from_text(tagged.tags[Tag.REPRODUCTION.value])
    assert told is not None
    assert (told.reproduction, told.provenance) == (
        bench.status.reproduction, bench.status.provenance,
    )  # fmt: skip


@pytest.mark.parametrize("verdict", ["Exact", "NotReproducible"])
@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (None, "sha256:a", "again gave {}; no recorded input differs, the image was not recorded"),
        (
            "sha256:a",
            None,
            "again gave {}; no recorded input differs, the image that ran now is not known",
        ),
    ],
)
def test_an_image_that_is_not_known_is_no_difference(
    verdict: str, was: str | None, now: str | None, said: str
) -> None:
    """The message tells that it could not be compared; nothing is blamed on it or on chance."""
    bench = ended(written(verdict, was), now)

    assert bench.status.reproduction is not None
    assert bench.status.reproduction.first_difference is None
    gave = "the same model, to the last bit" if verdict == "Exact" else "another model"
    assert (bench.status.message or "").endswith(said.format(gave))


def test_a_job_that_says_nothing_ends_the_run() -> None:
    """Operator and image of two versions."""
    bench = begun()
    bench.end_job(CONCLUDE)
    bench.settle()

    assert bench.status.phase is RunPhase.FAILED
    assert f"no tag {Tag.REPRODUCTION}" in (bench.status.message or "")
