"""ModelDeployment: serves a registry version or alias, and moves traffic by evidence."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from leadsman_api.contract import Contract, nested
from leadsman_api.custom_resource import Column, Resource, ResourceNames, Scale
from leadsman_api.rules import Immutable, Rule
from leadsman_api.v1alpha1.health import Health
from leadsman_api.v1alpha1.model_deployment_status import ModelDeploymentStatus
from leadsman_api.v1alpha1.model_source import ModelReference
from leadsman_api.v1alpha1.retraining import Retraining
from leadsman_api.v1alpha1.rollout import Rollback, Rollout, Strategy
from leadsman_api.v1alpha1.serving import Scaling, Serving
from leadsman_api.v1alpha1.traffic import RouteKind, Traffic, TrafficProvider


def _shadow_has_gateway(spec: ModelDeploymentSpec) -> bool:
    return (
        spec.rollout.strategy is not Strategy.SHADOW
        or spec.traffic.provider is TrafficProvider.GATEWAY_API
    )


def _shadow_is_over_http(spec: ModelDeploymentSpec) -> bool:
    gateway, reference = spec.traffic.gateway, spec.traffic.route_ref
    over_grpc = (gateway is not None and bool(gateway.grpc_hostnames)) or (
        reference is not None and reference.kind is RouteKind.GRPC_ROUTE
    )
    return spec.rollout.strategy is not Strategy.SHADOW or not over_grpc


def _disagreement_has_copies(spec: ModelDeploymentSpec) -> bool:
    return spec.rollout.strategy is Strategy.SHADOW or all(
        condition.type != "Disagreement" for condition in spec.health.conditions
    )


class ModelDeploymentSpec(Contract):
    """What should serve, and how it gets there."""

    invariants = (
        Rule(
            cel="self.rollout.strategy != 'Shadow' || self.traffic.provider == 'GatewayAPI'",
            check=_shadow_has_gateway,
            message="strategy Shadow copies requests at a gateway: write traffic.provider "
            "GatewayAPI, or take another strategy",
            field="rollout.strategy",
        ),
        Rule(
            cel="self.rollout.strategy != 'Shadow'"
            " || ((!has(self.traffic.gateway) || !has(self.traffic.gateway.grpcHostnames)"
            " || size(self.traffic.gateway.grpcHostnames) == 0)"
            " && (!has(self.traffic.routeRef) || self.traffic.routeRef.kind == 'HTTPRoute'))",
            check=_shadow_is_over_http,
            message="strategy Shadow copies requests over HTTP alone: leave "
            "traffic.gateway.grpcHostnames out, name a routeRef of kind HTTPRoute, or take "
            "another strategy",
            field="rollout.strategy",
        ),
        Rule(
            cel="self.rollout.strategy == 'Shadow'"
            " || !self.health.conditions.exists(one, one.type == 'Disagreement')",
            check=_disagreement_has_copies,
            message="a condition of type Disagreement compares copied requests: write "
            "rollout.strategy Shadow, or take the condition out",
            field="health.conditions",
        ),
        Rule(
            cel="!self.rollback.moveAlias || has(self.model.alias)",
            check=lambda spec: not spec.rollback.move_alias or spec.model.alias is not None,
            message="rollback.moveAlias needs model.alias: there is no alias to move back",
            field="rollback.moveAlias",
        ),
        Rule(
            cel="!has(self.retraining) || self.retraining.template.model.name == self.model.name",
            check=lambda spec: (
                spec.retraining is None or spec.retraining.template.model.name == spec.model.name
            ),
            message="retraining must train the model that is served: write the name of model "
            "({model.name}) in retraining.template.model.name",
            field="retraining.template.model.name",
        ),
        Rule(
            cel="!has(self.retraining) || !has(self.retraining.template.reproduce)",
            check=lambda spec: (
                spec.retraining is None or spec.retraining.template.reproduce is None
            ),
            message="retraining searches anew: leave reproduce out of its template",
            field="retraining.template.reproduce",
        ),
    )

    model: ModelReference
    """The version of a registered model that should serve."""
    serving: Serving = nested(Serving)
    """The pods that serve and what they accept."""
    scaling: Scaling = nested(Scaling)
    """How many pods serve."""
    traffic: Traffic = nested(Traffic)
    """Who splits the traffic between the revisions."""
    rollout: Rollout = nested(Rollout)
    """How traffic moves to a new revision."""
    health: Health = nested(Health)
    """What counts as healthy."""
    rollback: Rollback = nested(Rollback)
    """What happens when the evidence turns bad."""
    retraining: Retraining | None = None
    """When the model is trained again; never when left out."""
    revision_history_limit: Annotated[int, Field(ge=0, le=100)] = 10
    """So many of the last revisions that carried all of the traffic stay on record, without pods:
    `kubectl leadsman rollback` can go back to them."""


class ModelDeployment(Resource):
    """Serves a version or alias of a registered model and rolls new ones out by evidence."""

    names: ClassVar[ResourceNames] = ResourceNames(
        kind="ModelDeployment", plural="modeldeployments", short=("md",)
    )
    # kubectl scale moves the floor: the autoscaler still decides above it, and a floor above
    # maxReplicas is refused like any other edit.
    scale: ClassVar[Scale] = Scale(
        spec=".spec.scaling.minReplicas", status=".status.replicas", selector=".status.selector"
    )
    columns: ClassVar[tuple[Column, ...]] = (
        Column("Model", ".spec.model.name"),
        Column("Phase", ".status.phase"),
        Column("Stable", ".status.stable.version", type="integer"),
        Column("Candidate", ".status.candidate.version", type="integer"),
        Column("Weight", ".status.weight", type="integer"),
        Column("Verdict", ".status.evidence.verdict"),
        Column("Ready", '.status.conditions[?(@.type=="Ready")].status'),
        Column("Age", ".metadata.creationTimestamp", type="date"),
        Column("Message", ".status.message", wide=True),
        Column("Alias", ".spec.model.alias", wide=True),
        Column("Pods", ".status.readyReplicas", type="integer", wide=True),
        Column("URL", ".status.url", wide=True),
    )
    immutable: ClassVar[tuple[Immutable, ...]] = (
        Immutable(
            field="spec.model.name",
            advice="make another ModelDeployment for another model",
        ),
    )

    kind: Literal["ModelDeployment"] = "ModelDeployment"
    """Kind of the resource."""
    spec: ModelDeploymentSpec
    """What should serve, and how it gets there."""
    status: ModelDeploymentStatus = Field(default_factory=ModelDeploymentStatus)
    """What the operator reports."""
