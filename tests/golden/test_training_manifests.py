"""Manifests of a TrainingRun, as they are applied."""

from __future__ import annotations

from typing import Any

import yaml

from leadsman_operator.planner.observation import Configuration
from leadsman_operator.planner.render.training_job import (
    conclude_manifest,
    search_manifest,
    trial_manifest,
)
from leadsman_operator.planner.render.training_objects import (
    registry_credentials,
    spec_file,
    study_address,
    training_account,
)
from support.golden import Golden
from support.trainings import CONFIGURATION, a_run

EVERYTHING: dict[str, Any] = {
    "model": {
        "name": "churn",
        "registry": {
            "trackingUri": "https://mlflow.example.com",
            "secretRef": {"name": "mlflow"},
            "workspace": "ml",
        },
    },
    "data": {
        "source": {"uri": "pvc://features/2026/churn.parquet", "secretRef": {"name": "data"}},
        "target": "churned",
    },
    "trainer": {
        "entrypoint": "churn.train:objective",
        "image": "registry.example.com/churn:1.2",
        "imagePullSecrets": [{"name": "pull"}],
        "env": [
            {"name": "LEVEL", "value": "3"},
            {"name": "LEADSMAN_POD_UID", "value": "mine"},
        ],
        "nodeSelector": {"pool": "training"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "priorityClassName": "batch",
        "resources": {"requests": {"cpu": "2"}, "limits": {"memory": "4Gi"}},
    },
    "search": {
        "trials": 40,
        "parallelism": 4,
        "timeout": "30m",
        "storage": {"name": "studies", "key": "address"},
    },
    "queue": {"name": "gpu", "priorityClass": "low", "minParallelism": 2},
    "keepPodsFor": "3h",
}


def written(*manifests: Any) -> str:
    """Manifests as YAML."""
    return yaml.safe_dump_all(manifests, sort_keys=False, width=100)


def test_a_plain_run(golden: Golden) -> None:
    """What the defaults give."""
    run, url = a_run(), str(CONFIGURATION.study_url)
    manifests = [
        training_account(run),
        study_address(run, url),
        registry_credentials(run, {"MLFLOW_TRACKING_TOKEN": "word"}),
        spec_file(run, 4),
        search_manifest(run, CONFIGURATION, 1, "r-1"),
        conclude_manifest(run, CONFIGURATION, 1, "r-1"),
    ]
    golden.check("training_plain.yaml", written(*manifests))


def test_a_run_with_everything(golden: Golden) -> None:
    """A queue, a claim, an image of the user's own, and where the pods may run."""
    run = a_run(**EVERYTHING)
    configuration = Configuration("leadsman/serving:test", "leadsman/training:test")
    golden.check(
        "training_everything.yaml",
        written(
            search_manifest(run, configuration, 2, "r-1"),
            conclude_manifest(run, configuration, 2, "r-1"),
        ),
    )


def test_a_job_for_one_trial(golden: Golden) -> None:
    """One pod, whose place nobody takes when it fails."""
    run = a_run(search={"trials": 4, "mode": "JobPerTrial"}, queue={"name": "gpu"})
    golden.check(
        "training_trial_job.yaml", written(trial_manifest(run, CONFIGURATION, 1, "r-1", 7))
    )
