"""What a changed resource would lead to: the operator's planner on the cluster as it is now.

The registry is not asked, for it is seldom reachable from where people sit: versions are known
from the status, where the operator has written them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TextIO

from leadsman_api import ModelDeployment
from leadsman_api.labels import Tag
from leadsman_api.loading import parse_resource
from leadsman_api.reasons import Reason
from leadsman_operator.cli.failures import Failure
from leadsman_operator.cli.manifests import Document, read_documents
from leadsman_operator.cli.session import KIND, Session
from leadsman_operator.cli.validate import Unreadable, texts_of, validate_text
from leadsman_operator.facts import Manifest, Missing, ModelFacts, Unknown, VersionFacts
from leadsman_operator.observe.cluster import read_cluster
from leadsman_operator.observe.routing import read_routing
from leadsman_operator.planner.model_deployment import DeploymentPlan, plan_model_deployment
from leadsman_operator.planner.observation import Configuration, DeploymentObservation
from leadsman_operator.planner.revision import Revision, wanted_revision
from leadsman_operator.planner.target_version import target_version

_AS_THE_OPERATORS = Configuration(serving_image="(the operator's)", training_image="")


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What applying one manifest would do."""

    resource: ModelDeployment
    """As it would be, with the status that it has now."""
    before: ModelDeployment | None
    """As it is; None when it would be new."""
    wanted: Revision | Missing | Unknown
    """The revision that it asks for."""
    plan: DeploymentPlan


def deployments_in(path: str, standard_input: TextIO) -> list[Manifest]:
    """The ModelDeployments of a file; raises Failure with every finding if one is wrong."""
    found: list[Manifest] = []
    findings: list[str] = []
    try:
        texts = list(texts_of([path], standard_input))
    except Unreadable as error:
        raise Failure(str(error)) from error
    for source, text in texts:
        findings += [
            f"{one.source}:{one.line}: {one.resource}: {one.field}: {one.message}"
            for one in validate_text(source, text).findings
        ]
        found += [
            one.content
            for one in read_documents(source, text)
            if isinstance(one, Document) and isinstance(one.content, dict)
        ]
    if findings:
        raise Failure("\n".join(findings))
    return [one for one in found if one.get("kind") == KIND]


async def foreseen(given: Manifest, session: Session, version: int | None) -> Foreseen:
    """What applying it would do; `version` is where its alias will point, if nobody knows yet."""
    metadata = given["metadata"]
    if "name" not in metadata:
        raise Failure("metadata.name is missing: a plan needs to know which resource is meant")
    session = replace(session, namespace=metadata.get("namespace") or session.namespace)
    live = await session.access.read(session.ref(metadata["name"]))
    before = _parsed(live) if live is not None else None
    resource = _parsed(_as_it_would_be(given, live, session.namespace))
    cluster, (routes, routing) = await asyncio.gather(
        read_cluster(resource, session.access), read_routing(resource, session.access)
    )
    model = _model(resource, before, version)
    observation = DeploymentObservation(
        now=session.surroundings.now(),
        resource=resource,
        configuration=_AS_THE_OPERATORS,
        cluster=replace(cluster, objects={**cluster.objects, **routes}),
        model=model,
        version=_version(resource, model, session),
        routing=routing,
    )
    wanted = wanted_revision(observation)
    return Foreseen(resource, before, wanted, plan_model_deployment(observation))


def _parsed(manifest: Manifest) -> ModelDeployment:
    resource = parse_resource(manifest)
    if not isinstance(resource, ModelDeployment):
        raise Failure(f"{manifest['metadata']['name']} is no ModelDeployment")
    return resource


def _as_it_would_be(given: Manifest, live: Manifest | None, namespace: str) -> Manifest:
    """The manifest with what the API server and the operator have added."""
    metadata: dict[str, Any] = {**given["metadata"], "namespace": namespace}
    if live is None:
        return {**given, "metadata": {**metadata, "uid": "new", "generation": 1}}
    known = {name: live["metadata"][name] for name in ("uid", "generation")}
    return {**given, "metadata": {**metadata, **known}, "status": live.get("status", {})}


def _model(
    resource: ModelDeployment, before: ModelDeployment | None, version: int | None
) -> ModelFacts | Unknown:
    """Where the alias points, as far as the operator has seen it."""
    wanted = resource.spec.model
    if wanted.version is not None:
        return ModelFacts(wanted.name)
    pointer = wanted.alias or str(wanted.stage)
    number = version or _last_seen(resource, before)
    if number is None:
        return Unknown(
            Reason.REGISTRY_UNREACHABLE,
            f"the operator has not seen yet where {pointer} points: give it with --version",
        )
    if wanted.alias is not None:
        return ModelFacts(wanted.name, aliases={wanted.alias: number})
    return ModelFacts(wanted.name, stages={pointer: number})


def _last_seen(resource: ModelDeployment, before: ModelDeployment | None) -> int | None:
    """The version that the same pointer has led to."""
    if before is None or before.spec.model.alias != resource.spec.model.alias:
        return None
    moves = [one for one in before.status.alias_history if one.alias == resource.spec.model.alias]
    newest = before.status.candidate or before.status.stable
    return moves[0].version if moves else newest.version if newest else None


def _version(
    resource: ModelDeployment, model: ModelFacts | Unknown, session: Session
) -> VersionFacts | Missing | Unknown:
    """A version as its revision was written down; else what can be said of a new one."""
    number = target_version(resource, model)
    if not isinstance(number, int):
        return number
    status, name = resource.status, resource.spec.model.name
    for arm in (status.candidate, status.stable, status.previous):
        if arm is not None and arm.version == number:
            tags: Mapping[str, str] = {Tag.DIGEST.value: arm.digest} if arm.digest else {}
            made = arm.version_created_at or session.surroundings.now()
            return VersionFacts(name, number, made, arm.source or "", tags=tags)
    return VersionFacts(name, number, session.surroundings.now(), "")
