"""Who splits the traffic between the revisions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from leadsman_api.contract import Contract
from leadsman_api.lists import ATOMIC, Distinct
from leadsman_api.rules import Rule, only_with
from leadsman_api.values import Form, Label, ObjectName
from leadsman_api.vocabulary import Term

Hostname = Annotated[
    str,
    Form(
        r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        "write a host name such as churn.example.com or *.example.com",
    ),
]


class TrafficProvider(Term):
    """What moves the weights."""

    REPLICAS = "Replicas", "shares of pods behind one Service; needs nothing else."
    GATEWAY_API = "GatewayAPI", "weights of a Gateway API route, exact to the percent."


class RouteKind(Term):
    """Kind of a route."""

    HTTP_ROUTE = "HTTPRoute", "a route for HTTP."
    GRPC_ROUTE = "GRPCRoute", "a route for gRPC."


class ParentReference(Contract):
    """The Gateway that a route is attached to."""

    name: ObjectName
    """Name of the Gateway."""
    namespace: Label | None = None
    """Namespace of the Gateway; this resource's own when left out."""
    section_name: ObjectName | None = None
    """Listener of the Gateway; all of them when left out."""


class Gateway(Contract):
    """A route of our own."""

    parent_refs: Annotated[tuple[ParentReference, ...], Field(min_length=1, max_length=8)] = Field(
        json_schema_extra=ATOMIC
    )
    """The Gateways to attach to."""
    hostnames: Annotated[tuple[Hostname, ...], Field(max_length=16), Distinct()] = ()
    """Host names that the route answers to; those of the Gateway when left out."""
    grpc_hostnames: Annotated[tuple[Hostname, ...], Field(max_length=16), Distinct()] = ()
    """Host names of a GRPCRoute to the gRPC port; no such route when left out. A listener serves
    a host name by one kind of route, so they differ from `hostnames`."""


class RouteReference(Contract):
    """A route of yours in which only the weights of one rule are moved."""

    name: ObjectName
    """Name of the route."""
    kind: RouteKind = RouteKind.HTTP_ROUTE
    """Kind of the route."""
    rule: ObjectName | None = None
    """Name of the rule; may be left out when the route has only one."""


class Traffic(Contract):
    """Who splits the traffic between the revisions."""

    invariants = (
        only_with("gateway", by="provider", values=["GatewayAPI"]),
        only_with("routeRef", by="provider", values=["GatewayAPI"]),
        Rule(
            cel="self.provider != 'GatewayAPI' || has(self.gateway) != has(self.routeRef)",
            check=lambda traffic: (
                traffic.provider is not TrafficProvider.GATEWAY_API
                or (traffic.gateway is None) != (traffic.route_ref is None)
            ),
            message="provider GatewayAPI needs exactly one of gateway or routeRef: gateway for a "
            "route of its own, routeRef for a rule in a route of yours",
            field="provider",
        ),
    )

    provider: TrafficProvider = TrafficProvider.REPLICAS
    """What moves the weights."""
    gateway: Gateway | None = None
    """A route of our own."""
    route_ref: RouteReference | None = None
    """A route of yours."""
