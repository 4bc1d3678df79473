"""What jobs and operator write on a version, as a real MLflow keeps it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from mlflow import MlflowClient

from leadsman_api.labels import Tag
from leadsman_api.recorded_spec import RecordedSpec
from leadsman_api.v1alpha1.training_run_spec import TrainingRunSpec
from leadsman_operator.adapters.clock import SystemClock
from leadsman_operator.adapters.mlflow import MlflowRegistry
from leadsman_operator.ports import Endpoint
from support.mlflow_server import mlflow_server

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
LONG = "x" * 20_000
"""More than MLflow keeps of a run's tag, and than its database did of a version's."""


def test_a_version_keeps_its_spec_and_gets_its_image(tmp_path: Path) -> None:
    """However long the spec is; of a version that is gone nothing is written, and nobody minds."""
    asked = TrainingRunSpec.model_validate(
        {
            "model": {"name": "churn"},
            "data": {"source": {"uri": "sklearn://iris"}, "target": "target"},
            "trainer": {"entrypoint": "own:code", "parameters": {"text": LONG}},
            "objective": {"metric": "f1"},
        }
    )
    kept = RecordedSpec.of(asked, asked.data.source.uri)
    with mlflow_server(tmp_path) as address:
        client = MlflowClient(address)
        client.create_registered_model("churn")
        client.create_model_version(
            "churn",
            "s3://bucket/model",
            tags={str(Tag.SPEC): kept.to_text(), str(Tag.POD_UID): "pod-1"},
        )
        registry = MlflowRegistry(SystemClock(), timedelta(seconds=60), lambda _: None)

        async def tagged(version: int) -> None:
            tags = {Tag.IMAGE_DIGEST.value: "sha256:a"}
            await registry.tag_version(Endpoint(address), "churn", version, tags)

        asyncio.run(tagged(1))
        asyncio.run(tagged(2))
        found = asyncio.run(registry.version(Endpoint(address), "churn", 1))

    assert found is not None
    assert found.tags[Tag.IMAGE_DIGEST] == "sha256:a"
    assert RecordedSpec.from_text(found.tags[Tag.SPEC]) == kept
    assert kept.trainer.parameters == {"text": LONG}
