"""`kubectl leadsman approve tr/NAME`: the yes to a version that passed its gate."""

from __future__ import annotations

import json
from typing import Any

import pytest

from leadsman_api.v1alpha1.training_run_status import RunPhase
from leadsman_operator.facts import ObjectRef
from support.trainings import Bench, a_run
from support.world_user import User

REQUIRED = {"approval": {"required": True}}


def ada_with(bench: Bench, name: str = "nightly") -> tuple[User, ObjectRef]:
    """Ada, whose cluster has the run of a bench under another name than the ModelDeployment's."""
    ada, manifest = User(), bench.resource.to_wire()
    manifest["metadata"]["name"] = name
    ref = ObjectRef.of(manifest)
    ada.sim.cluster.objects[ref] = manifest
    return ada, ref


def waiting() -> Bench:
    """A run whose version passed the gate and waits."""
    bench = Bench(a_run(promotion=REQUIRED)).concluded()
    assert bench.status.phase is RunPhase.WAITING_FOR_APPROVAL
    return bench


@pytest.mark.parametrize("kind", ["tr", "trainingrun", "trainingruns"])
def test_a_version_that_waits_is_approved_and_gets_its_alias(kind: str) -> None:
    """Under the name of who asked, for this version alone; the operator moves the alias."""
    bench = waiting()
    ada, ref = ada_with(bench)
    assert ada("approve", f"{kind}/nightly") == (0, "nightly: version 1 is approved by ada\n", "")
    promotion = ada.sim.cluster.objects[ref]["spec"]["promotion"]
    granted = promotion["approval"]["granted"]
    assert {**granted, "version": 1, "by": "ada"} == granted
    assert granted["at"]
    bench.edit(promotion=promotion)
    bench.settle()
    assert bench.status.phase is RunPhase.SUCCEEDED
    assert "approved by ada" in (bench.status.message or "")


def test_programs_get_the_approval_of_a_run_that_was_written() -> None:
    """As it stands in the spec."""
    ada, ref = ada_with(waiting())
    told = json.loads(ada("approve", "tr/nightly", "-o", "json").stdout)
    written = ada.sim.cluster.objects[ref]["spec"]["promotion"]["approval"]["granted"]
    assert told == {"name": "nightly", "granted": written}


@pytest.mark.parametrize(
    ("bench", "arguments", "says"),
    [
        pytest.param(
            Bench(a_run(promotion=REQUIRED)).searching(),
            (),
            "no version waits for an approval: 0/4 trials",
            id="still searching",
        ),
        pytest.param(
            Bench(a_run(promotion=REQUIRED)).concluded(passed=False),
            (),
            "is registered and gets no alias",
            id="the gate has refused it",
        ),
        pytest.param(
            Bench().concluded(),
            (),
            "no approval is asked for: spec.promotion.approval.required is false",
            id="nobody wants one",
        ),
        pytest.param(
            waiting(),
            ("--version", "7"),
            "version 1 waits for an approval, not 7: look at it with `train status nightly`",
            id="another version",
        ),
    ],
)
def test_what_waits_for_nothing_is_not_approved(
    bench: Bench, arguments: tuple[str, ...], says: str
) -> None:
    """Nothing is written, and the sentence says how things stand."""
    ada, ref = ada_with(bench)
    before: Any = ada.sim.cluster.objects[ref]["spec"]
    result = ada("approve", "tr/nightly", *arguments)
    assert (result.code, result.stdout) == (1, "")
    assert says in result.stderr
    assert ada.sim.cluster.objects[ref]["spec"] == before


def test_a_run_that_is_named_without_its_kind_is_pointed_at() -> None:
    """A plain name is one of a ModelDeployment; where both have it, that one is meant."""
    ada, _ = ada_with(waiting())
    assert ada("approve", "nightly") == (
        1, "", "no ModelDeployment nightly in namespace ml, but a TrainingRun: write tr/nightly\n"
    )  # fmt: skip
    assert ada("approve", "tr/nihgtly").stderr == (
        "no TrainingRun nihgtly in namespace ml: there are nightly\n"
    )
    both, _ = ada_with(waiting(), name="churn")
    assert "no rollout is running" in both("approve", "churn").stderr


def test_a_kind_that_nobody_approves_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With what to write instead."""
    assert User()("approve", "pod/churn").code == 2
    assert "write md/churn or tr/churn" in capsys.readouterr().err


def test_completion_offers_both_kinds() -> None:
    """Runs as they are written here."""
    ada, _ = ada_with(waiting())
    words = ada("completion", "words", "--", "approve", "").stdout.splitlines()
    assert {"churn", "tr/nightly"} <= set(words)
    typed = ada("completion", "words", "--", "approve", "tr/").stdout.splitlines()
    assert typed == ["tr/nightly", ":4"]
