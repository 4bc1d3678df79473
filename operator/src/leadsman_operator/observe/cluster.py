"""All of a resource's objects and pods, and what its spec refers to."""

from __future__ import annotations

import asyncio
import hashlib
import json

from leadsman_api import ModelDeployment, TrainingRun
from leadsman_api.labels import API_VERSION
from leadsman_operator.facts import ClusterFacts, Manifest, ObjectRef
from leadsman_operator.observe.ownership import is_owned, labels_of
from leadsman_operator.observe.pods import pod_facts
from leadsman_operator.planner.references import references
from leadsman_operator.ports import ClusterReader

SERVING_KINDS = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "ControllerRevision"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
)
TRAINING_KINDS = (
    ("batch/v1", "Job"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
)
SCHEDULED_KINDS = ((API_VERSION, "TrainingRun"),)
"""What a TrainingRun with a schedule makes, and nothing else."""


async def read_cluster(
    resource: ModelDeployment | TrainingRun, cluster: ClusterReader
) -> ClusterFacts:
    """Read it all side by side; raises Unreachable when a part can't be read."""
    namespace = resource.metadata.namespace or "default"
    labels = labels_of(resource)
    pods, hashes, lists = await asyncio.gather(
        cluster.select("v1", "Pod", namespace, labels),
        _hashes(resource, cluster),
        asyncio.gather(
            *(
                cluster.select(version, kind, namespace, labels)
                for version, kind in _kinds(resource)
            )
        ),
    )
    owned = {
        ObjectRef.of(manifest): manifest
        for found in lists
        for manifest in found
        if is_owned(manifest, resource.metadata.uid)
    }
    facts = tuple(sorted((pod_facts(pod) for pod in pods), key=lambda pod: pod.name))
    return ClusterFacts(owned, facts, hashes)


def _kinds(resource: ModelDeployment | TrainingRun) -> tuple[tuple[str, str], ...]:
    if isinstance(resource, ModelDeployment):
        return SERVING_KINDS
    return TRAINING_KINDS if resource.spec.schedule is None else SCHEDULED_KINDS


async def _hashes(
    resource: ModelDeployment | TrainingRun, cluster: ClusterReader
) -> dict[str, str | None]:
    namespace = resource.metadata.namespace or "default"
    names = references(resource)
    refs = [ObjectRef("v1", *_kind_and_name(namespace, name)) for name in names]
    found = await asyncio.gather(*(cluster.read(ref) for ref in refs))
    return {name: _hash(manifest) for name, manifest in zip(names, found, strict=True)}


def _kind_and_name(namespace: str, reference: str) -> tuple[str, str, str]:
    kind, _, name = reference.partition("/")
    return kind, namespace, name


def _hash(manifest: Manifest | None) -> str | None:
    if manifest is None:
        return None
    content = {name: manifest.get(name) for name in ("data", "stringData", "binaryData")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
