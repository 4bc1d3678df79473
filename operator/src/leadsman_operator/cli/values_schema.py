"""The schema of the chart's values, from a model of them: `python -m … [--check] [CHART]`.

Helm refuses by it what the chart does not know, before anything is installed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = "values.schema.json"

Name = Annotated[str, Field(pattern=r"^([a-z0-9]([-.a-z0-9]*[a-z0-9])?)?$", max_length=253)]
Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
Image = Annotated[str, Field(pattern=r"^([a-z0-9][a-zA-Z0-9._/:@-]*)?$", max_length=500)]
HttpAddress = Annotated[str, Field(pattern=r"^(https?://[^\s/?#]+\S*)?$", max_length=500)]
Span = Annotated[str, Field(pattern=r"^([0-9]+(h|m|s|ms))+$", max_length=32)]
PullPolicy = Literal["Always", "IfNotPresent", "Never"]
Words = dict[str, str]
Object = dict[str, Any]
"""A part of a Kubernetes object, which the API server checks."""


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, use_attribute_docstrings=True, frozen=True
    )


class OperatorImage(_Part):
    """The image of the operator."""

    repository: Annotated[Image, Field(min_length=1)] = "leadsman/operator"
    """Name of the image, with the registry that it is pulled from."""
    tag: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]*$", max_length=128)] = ""
    """By default the version of the chart."""
    digest: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    """Instead of a tag."""
    pull_policy: PullPolicy = "IfNotPresent"
    """When it is pulled."""


class PodImage(_Part):
    """The image of pods that the operator makes."""

    image: Image = ""
    """By default that of the chart's version."""


class SecretRef(_Part):
    """A Secret in the namespace of the release."""

    name: Name = ""
    """Name of the Secret."""


class SecretKeyRef(_Part):
    """A key of a Secret in the namespace of the release."""

    name: Name = ""
    """Name of the Secret."""
    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)] = "url"
    """Its key."""


class Tracking(_Part):
    """The MLflow server of resources that name none."""

    uri: HttpAddress = ""
    """Such as http://mlflow.mlflow:5000."""
    secret_ref: SecretRef = SecretRef()
    """What opens it: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or …_TOKEN."""


class Prometheus(_Part):
    """The Prometheus that counts of requests are read from."""

    url: HttpAddress = ""
    """Such as http://prometheus.monitoring:9090."""


class Study(_Part):
    """The database of the studies of training runs that name none."""

    secret_ref: SecretKeyRef = SecretKeyRef()
    """Where its address is, such as postgresql://user:password@host/name."""


class Log(_Part):
    """The operator's log."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severe line that is written."""
    format: Literal["json", "text"] = "json"
    """json for machines, text for people."""


class MetricsService(_Part):
    """The Service of the operator's metrics."""

    enabled: bool = True
    """Whether there is one."""


class ServiceMonitor(_Part):
    """The ServiceMonitor of the operator's metrics, for the Prometheus operator."""

    enabled: bool = False
    """Whether there is one; the cluster must know the kind."""
    interval: Span = "30s"
    """How often the metrics are read."""
    labels: Words = {}
    """Labels by which that Prometheus finds it."""


class Metrics(_Part):
    """The operator's own metrics."""

    service: MetricsService = MetricsService()
    """A Service to find them by."""
    service_monitor: ServiceMonitor = ServiceMonitor()
    """A ServiceMonitor to read them by."""


class ServiceAccount(_Part):
    """The operator's identity."""

    annotations: Words = {}
    """Annotations, such as for the identity of a cloud."""


class Rbac(_Part):
    """Rights of people."""

    aggregate: bool = True
    """Add them to the cluster's own roles view, edit and admin."""


class Values(_Part):
    """The values of the chart leadsman."""

    replicas: Annotated[int, Field(ge=0, le=10)] = 2
    """Replicas of the operator: one acts, the others stand by."""
    image: OperatorImage = OperatorImage()
    """The image of the operator."""
    image_pull_secrets: list[SecretRef] = []
    """Secrets that open the registry of that image."""
    serving: PodImage = PodImage()
    """The pods that serve models."""
    training: PodImage = PodImage()
    """The pods that train models."""
    image_pull_policy: PullPolicy = "IfNotPresent"
    """When the images of these pods are pulled."""
    tracking: Tracking = Tracking()
    """The MLflow server of resources that name none."""
    prometheus: Prometheus = Prometheus()
    """The Prometheus that counts of requests are read from."""
    study: Study = Study()
    """The database of the studies of training runs that name none."""
    experiment_prefix: Annotated[str, Field(min_length=1, max_length=128)] = "leadsman"
    """First part of the names of MLflow experiments."""
    namespaces: list[Namespace] = []
    """Namespaces that are looked after; none means all."""
    scrape_interval: Span = "15s"
    """How often counts of requests are read."""
    registry_poll: Span = "10s"
    """How often a registry is asked what changed."""
    concurrent_reconciles: Annotated[int, Field(ge=1, le=1000)] = 8
    """How many resources are reconciled at the same time."""
    log: Log = Log()
    """The operator's log."""
    metrics: Metrics = Metrics()
    """The operator's own metrics."""
    service_account: ServiceAccount = ServiceAccount()
    """The operator's identity."""
    rbac: Rbac = Rbac()
    """Rights of people."""
    resources: Object = {
        "requests": {"cpu": "50m", "memory": "256Mi"},
        "limits": {"memory": "512Mi"},
    }
    """Requests and limits of the operator."""
    env: list[Object] = []
    """Further variables of the operator."""
    volumes: list[Object] = []
    """Further volumes of the operator's pods."""
    volume_mounts: list[Object] = []
    """Where these are mounted."""
    pod_annotations: Words = {}
    """Further annotations of the operator's pods."""
    pod_labels: Words = {}
    """Further labels of the operator's pods."""
    priority_class_name: Name = ""
    """Priority of the operator's pods."""
    node_selector: Words = {}
    """Labels of the nodes that the operator runs on."""
    tolerations: list[Object] = []
    """Taints that the operator tolerates."""
    affinity: Object = {}
    """In place of the wish that replicas run on different nodes."""
    global_: Annotated[Object, Field(alias="global")] = {}
    """Helm's own; this chart reads nothing of it."""


def schema_text() -> str:
    """The schema file, as it is committed."""
    schema = Values.model_json_schema(by_alias=True)
    parts = {name: _without_titles(part) for name, part in schema.pop("$defs").items()}
    whole = {"$schema": DIALECT, **_without_titles(schema), "$defs": parts}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _without_titles(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without the titles that pydantic makes of names, and without defaults.

    The defaults stand in values.yaml, and once is enough.
    """
    kept = {key: value for key, value in schema.items() if key not in ("title", "default")}
    if "properties" in kept:
        properties = {name: _without_titles(part) for name, part in kept["properties"].items()}
        kept["properties"] = properties
    if isinstance(kept.get("items"), dict):
        kept["items"] = _without_titles(kept["items"])
    return kept


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the schema; with --check only say whether it is up to date."""
    parser = argparse.ArgumentParser(description="Write the schema of the chart's values.")
    parser.add_argument("chart", type=Path, nargs="?", default=Path("charts/leadsman"))
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if out of date")
    options = parser.parse_args(arguments)
    path: Path = options.chart / NAME
    text = schema_text()
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return 0
    sys.stdout.write(f"{'out of date' if options.check else 'written'}: {path}\n")
    if options.check:
        return 1
    path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
