"""What a TrainingRun needs before its first pod."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from leadsman_api.conditions import ConditionType
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.training_run_status import RunPhase
from leadsman_operator.facts import Missing, ModelFacts, Unknown
from leadsman_operator.planner.plan import ApplyObject, EnsureRun
from leadsman_operator.planner.render.training_objects import spec_hash
from support.trainings import CONFIGURATION, NO_STUDY, SEARCH, Bench, a_run

REGISTRY_DOWN = Unknown(Reason.REGISTRY_UNREACHABLE, "http://mlflow:5000 did not answer")


def data(uri: str, **source: Any) -> dict[str, Any]:
    """Data at an address."""
    return {"source": {"uri": uri, **source}, "target": "target"}


STUDY_DOWN = Unknown(Reason.STUDY_UNREACHABLE, "the database did not answer")


@pytest.mark.parametrize(
    ("bench", "reason", "says"),
    [
        pytest.param(
            {"model": Missing(Reason.SPEC_INVALID, "write spec.model.registry.trackingUri")},
            Reason.SPEC_INVALID,
            "spec.model.registry.trackingUri",
            id="nobody names an MLflow server",
        ),
        pytest.param(
            {"model": Missing(Reason.REGISTRY_FORBIDDEN, "there is no Secret mlflow")},
            Reason.REGISTRY_FORBIDDEN,
            "no Secret mlflow",
            id="the registry's Secret is missing",
        ),
        pytest.param(
            {"study_url": Missing(Reason.SPEC_INVALID, "write spec.search.storage")},
            Reason.SPEC_INVALID,
            "spec.search.storage",
            id="nobody names a database",
        ),
        pytest.param(
            {"model": ModelFacts("churn", is_prompt=True)},
            Reason.NOT_A_MODEL,
            "churn is a prompt",
            id="the name belongs to a prompt",
        ),
        pytest.param(
            {
                "resource": a_run(data=data("s3://b/x.csv", secretRef={"name": "bucket"})),
                "references": {"Secret/bucket": None},
            },
            Reason.DATA_UNREADABLE,
            "no Secret bucket in namespace ml: make it, or change spec.data.source.secretRef",
            id="the data's Secret is missing",
        ),
        pytest.param(
            {
                "resource": a_run(data=data("configmap://rows/x.csv")),
                "references": {"ConfigMap/rows": None},
            },
            Reason.DATA_UNREADABLE,
            "no ConfigMap rows in namespace ml: make it, or change spec.data.source.uri",
            id="the ConfigMap of the data is missing",
        ),
        pytest.param(
            {
                "resource": a_run(
                    search=None, reproduce={"version": 3}, data=data("configmap://gone/x.csv")
                ),
                "references": {"ConfigMap/gone": None},
            },
            Reason.DATA_UNREADABLE,
            "there is no ConfigMap gone",
            id="the data of a reproduction is missing",
        ),
        pytest.param(
            {"study_url": "sqlite:////data/study.db"},
            Reason.SPEC_INVALID,
            "search.parallelism 2 needs a database that several pods can reach",
            id="several workers on a file",
        ),
    ],
)
def test_what_only_the_user_can_mend_stalls(
    bench: dict[str, Any], reason: Reason, says: str
) -> None:
    """Nothing is made, and the message says what to write; it is told once."""
    made = Bench(**bench)
    plan = made.settle()
    assert made.done == []
    assert plan.status.phase is RunPhase.PENDING
    assert made.condition(ConditionType.STALLED) == ("True", reason)
    assert made.condition(ConditionType.RECONCILING) == ("False", reason)
    assert says in (plan.status.message or "")
    assert sum("Warning" in line for line in made.story) == 1


@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param({"model": REGISTRY_DOWN}, id="the registry"),
        pytest.param({"study_url": STUDY_DOWN}, id="the address of the study"),
        pytest.param({"study": STUDY_DOWN}, id="the study"),
    ],
)
def test_what_is_unknown_is_waited_for(unknown: dict[str, Any]) -> None:
    """Nothing is made, nothing is Stalled, and it is looked at again soon."""
    bench = Bench(**unknown)
    plan = bench.settle()
    assert bench.done == []
    assert bench.condition(ConditionType.RECONCILING)[0] == "True"
    assert bench.condition(ConditionType.STALLED)[0] == "False"
    assert plan.look_again_in is not None


@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param({"model": REGISTRY_DOWN}, id="the registry"),
        pytest.param({"run": REGISTRY_DOWN}, id="the parent run"),
        pytest.param({"study": STUDY_DOWN}, id="the study"),
    ],
)
def test_a_server_that_falls_silent_stops_no_worker(unknown: dict[str, Any]) -> None:
    """The Job stays, the phase and the counts stay, and the reason says who is silent."""
    bench = Bench().searching()
    before, done = bench.status, len(bench.done)
    known = {name: getattr(bench, name) for name in unknown}
    for name, value in unknown.items():
        setattr(bench, name, value)
    bench.settle()
    assert len(bench.done) == done
    assert bench.status.phase is RunPhase.SEARCHING
    assert bench.status.trials == before.trials
    assert bench.condition(ConditionType.RECONCILING)[1] == next(iter(unknown.values())).reason
    for name, value in known.items():
        setattr(bench, name, value)
    bench.settle()
    assert bench.condition(ConditionType.RECONCILING) == ("True", Reason.SEARCHING)


def test_the_parent_run_is_made_first() -> None:
    """Alone in its plan: its id must be in the status before a pod is told of it."""
    bench = Bench()
    (action,) = bench.plan().actions
    assert isinstance(action, EnsureRun)
    assert action.experiment == "leadsman/ml/churn"
    assert action.tags[Tag.TRAINING_RUN_UID] == "u-1"
    assert action.tags[Tag.TRAINING_RUN] == "ml/churn"
    assert action.tags[Tag.STUDY] == "ml/churn/u-1"
    assert action.tags[Tag.TRIGGER] == "manual"


def test_the_hash_of_the_spec_is_that_of_what_is_trained() -> None:
    """A pause or a grant makes no other model; another seed does."""
    plain = spec_hash(a_run())
    granted = {"approval": {"granted": {"version": 1, "by": "ada"}}}
    assert spec_hash(a_run(suspend=True, keepPodsFor="2h", promotion=granted)) == plain
    assert spec_hash(a_run(search={"trials": 4, "parallelism": 2, "seed": 7})) != plain


def test_a_parent_run_that_somebody_deleted_is_made_again() -> None:
    """MLflow says that there is none: the conclusion needs one."""
    bench = Bench().searching()
    bench.run = Missing(Reason.PROGRESSING, "MLflow has no run r-1")
    bench.plan()
    assert len(bench.deeds(EnsureRun)) == 2


def test_all_that_a_search_needs_is_made_before_its_job() -> None:
    """A crash in between leaves no pod without what it reads."""
    bench = Bench()
    bench.plan()
    kinds = [
        action.manifest["kind"]
        for action in bench.plan().actions
        if isinstance(action, ApplyObject)
    ]
    assert kinds == ["ServiceAccount", "Secret", "ConfigMap", "Job"]
    assert bench.names("Job") == [SEARCH]


def test_a_study_of_the_users_own_needs_no_secret_of_ours() -> None:
    """The pods read the user's Secret."""
    search = {"trials": 4, "parallelism": 1, "storage": {"name": "mine", "key": "url"}}
    bench = Bench(a_run(search=search), study=NO_STUDY)
    bench.settle()
    assert bench.names("Secret") == []


def test_the_operators_own_credentials_reach_the_pods() -> None:
    """Without them no trial could be written down."""
    credentials = {"MLFLOW_TRACKING_TOKEN": "word"}
    bench = Bench(configuration=replace(CONFIGURATION, tracking_credentials=credentials))
    bench.settle()
    assert bench.names("Secret") == ["churn-registry", "churn-study"]
    container = bench.job()["spec"]["template"]["spec"]["containers"][0]
    assert container["envFrom"] == [{"secretRef": {"name": "churn-registry"}}]


def test_what_somebody_changed_is_mended() -> None:
    """Objects are compared with what they should be; what is right is left alone."""
    bench = Bench().searching()
    (ref,) = [ref for ref in bench.objects if ref.kind == "ConfigMap"]
    bench.objects[ref] = {**bench.objects[ref], "data": {"training-run.json": "{}"}}
    (action,) = bench.plan().actions
    assert isinstance(action, ApplyObject)
    assert action.manifest["kind"] == "ConfigMap"
    assert bench.plan().actions == ()


@pytest.mark.parametrize(
    ("uri", "volume"),
    [
        pytest.param(
            "pvc://features/2026/churn.csv",
            {"persistentVolumeClaim": {"claimName": "features", "readOnly": True}},
            id="a claim",
        ),
        pytest.param(
            "configmap://iris/iris.csv", {"configMap": {"name": "iris"}}, id="a ConfigMap"
        ),
        pytest.param("https://example.com/churn.csv", None, id="the network"),
    ],
)
def test_data_that_lies_in_the_cluster_is_mounted(uri: str, volume: dict[str, Any] | None) -> None:
    """Read-only, in the folder that the environment names."""
    bench = Bench(a_run(data={"source": {"uri": uri}, "target": "target"}))
    bench.settle()
    pod = bench.job()["spec"]["template"]["spec"]
    found = [one for one in pod["volumes"] if one["name"] == "data"]
    assert found == ([{"name": "data", **volume}] if volume else [])
    (container,) = pod["containers"]
    folder = [one["value"] for one in container["env"] if one["name"] == "LEADSMAN_DATA_DIR"]
    assert folder == (["/data"] if volume else [])
