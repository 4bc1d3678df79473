"""The routes of a gateway, and the Gateways: whether they are there and what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from leadsman_api import ModelDeployment
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.traffic import RouteKind, TrafficProvider
from leadsman_operator.errors import Refused, UnknownKind
from leadsman_operator.facts import Manifest, Missing, ObjectRef, RoutingFacts
from leadsman_operator.observe.ownership import is_owned, labels_of
from leadsman_operator.planner.routing.traffic import API_VERSION
from leadsman_operator.ports import ClusterReader

ROUTE_KINDS = tuple((API_VERSION, kind.value) for kind in RouteKind)


async def read_routing(
    resource: ModelDeployment, cluster: ClusterReader
) -> tuple[Mapping[ObjectRef, Manifest], RoutingFacts]:
    """Our own routes, and the rest; nothing is read where no gateway is or was asked for.

    A cluster without the Gateway API, or without the right to it, is a fact as any.
    """
    traffic = resource.spec.traffic
    if traffic.provider is not TrafficProvider.GATEWAY_API and resource.status.traffic is None:
        return {}, RoutingFacts()
    try:
        own, named, gateways = await asyncio.gather(
            _own(resource, cluster), _named(resource, cluster), _gateways(resource, cluster)
        )
    except UnknownKind as error:
        message = f"{error.message}: install the Gateway API, or write traffic.provider Replicas"
        return {}, RoutingFacts(Missing(Reason.GATEWAY_API_MISSING, message))
    except Refused as error:
        return {}, RoutingFacts(Missing(error.reason, error.message))
    return own, RoutingFacts(None, named, gateways)


async def _own(resource: ModelDeployment, cluster: ClusterReader) -> dict[ObjectRef, Manifest]:
    """Of both kinds: those that are not wanted any more are taken away."""
    namespace = resource.metadata.namespace or "default"
    lists = await asyncio.gather(
        *(
            cluster.select(version, kind, namespace, labels_of(resource))
            for version, kind in ROUTE_KINDS
        )
    )
    return {
        ObjectRef.of(route): route
        for found in lists
        for route in found
        if is_owned(route, resource.metadata.uid)
    }


async def _named(resource: ModelDeployment, cluster: ClusterReader) -> Manifest | None:
    reference = resource.spec.traffic.route_ref
    if reference is None:
        return None
    namespace = resource.metadata.namespace or "default"
    ref = ObjectRef(API_VERSION, reference.kind.value, namespace, reference.name)
    return await cluster.read(ref)


async def _gateways(resource: ModelDeployment, cluster: ClusterReader) -> dict[str, bool]:
    gateway = resource.spec.traffic.gateway
    if gateway is None:
        return {}
    here = resource.metadata.namespace or "default"
    refs = [
        ObjectRef(API_VERSION, "Gateway", parent.namespace or here, parent.name)
        for parent in gateway.parent_refs
    ]
    found = await asyncio.gather(*(_is_there(ref, cluster) for ref in refs))
    return {
        f"{ref.namespace}/{ref.name}": is_there
        for ref, is_there in zip(refs, found, strict=True)
        if is_there is not None
    }


async def _is_there(ref: ObjectRef, cluster: ClusterReader) -> bool | None:
    """None where it may not be looked at: Gateways lie in namespaces of other people."""
    try:
        return await cluster.read(ref) is not None
    except Refused:
        return None
