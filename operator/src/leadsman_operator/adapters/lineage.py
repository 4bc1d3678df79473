"""What a registry keeps of the making of a version, read with MLflow's own client.

That is what a person at a terminal has: addresses and credentials by MLflow's own variables.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from leadsman_api.environment import MlflowVariable
from leadsman_api.reasons import Reason
from leadsman_operator.adapters.mlflow_calls import REQUEST_SECONDS, RETRIES
from leadsman_operator.errors import Refused, Unreachable

_PROVENANCE = "provenance.json"
_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Making:
    """A version, and what was written down when it was made."""

    name: str
    version: int
    created_at: int
    """In milliseconds since 1970."""
    run_id: str | None
    tags: Mapping[str, str]
    """Of the version, and of its run where the version has none of that name."""
    provenance: Mapping[str, Any]
    """`provenance.json` of its run; empty where there is none that can be read."""


def read_making(tracking_uri: str, name: str, wanted: str) -> Making:
    """Read a version by its number or an alias.

    Raises Refused when there is no such version, Unreachable when MLflow does not answer.
    """
    os.environ.setdefault(MlflowVariable.RETRIES, RETRIES)
    os.environ.setdefault(MlflowVariable.TIMEOUT, REQUEST_SECONDS)
    # It would draw on standard error while a file of a few kilobytes is fetched.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    client = MlflowClient(tracking_uri)
    try:
        found = _version(client, name, wanted)
    except MlflowException as error:
        said = str(error).partition("\n")[0][:300]
        raise Unreachable(
            Reason.REGISTRY_UNREACHABLE, f"MLflow at {tracking_uri}: {said}"
        ) from error
    return Making(
        name=found.name,
        version=int(found.version),
        created_at=int(found.creation_timestamp),
        run_id=found.run_id or None,
        tags={**_run_tags(client, found.run_id), **(found.tags or {})},
        provenance=_provenance(client, found.run_id),
    )


def _version(client: MlflowClient, name: str, wanted: str) -> ModelVersion:
    known = client.search_model_versions(f"name = '{name}'")
    if wanted.isdigit():
        found = [one for one in known if int(one.version) == int(wanted)]
        if found:
            return found[0]
    elif known:
        aliases = client.get_registered_model(name).aliases
        if wanted in aliases:
            return client.get_model_version(name, aliases[wanted])
    if not known:
        raise Refused(Reason.VERSION_NOT_FOUND, f"the registry has no versions of a model {name}")
    numbers = sorted((int(one.version) for one in known), reverse=True)
    shown = ", ".join(str(number) for number in numbers[:_MOST_NAMED])
    raise Refused(
        Reason.VERSION_NOT_FOUND,
        f"{name} has no version or alias {wanted}; the latest versions are {shown}",
    )


def _run_tags(client: MlflowClient, run_id: str | None) -> dict[str, str]:
    """The tags of a run; none where it was deleted."""
    try:
        return dict(client.get_run(run_id).data.tags) if run_id else {}
    except MlflowException:
        return {}


def _provenance(client: MlflowClient, run_id: str | None) -> dict[str, Any]:
    """The file of a run; nothing for runs of others, or where artifacts can't be reached."""
    if run_id is None:
        return {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = client.download_artifacts(run_id, _PROVENANCE, folder)
            found: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
    except Exception:  # noqa: BLE001 - whatever the library of the artifact store raises
        return {}
    return found
