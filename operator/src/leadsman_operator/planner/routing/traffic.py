"""Which weights the routes should have now, which they have, and what is in the way.

A Service may point at other pods, and pods may go, only once the gateway has taken up a split
that gives them nothing: `carries` says so, and every rule that changes the arms asks it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from leadsman_api.labels import Arm, Label
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_deployment_status import ModelDeploymentStatus, TrafficStatus
from leadsman_api.v1alpha1.traffic import RouteKind, RouteReference, TrafficProvider
from leadsman_operator.facts import Manifest, ObjectRef
from leadsman_operator.planner.names import candidate_service, grpc_route, stable_service
from leadsman_operator.planner.routing.backends import (
    Place,
    Problem,
    Split,
    answer_of,
    find_place,
)
from leadsman_operator.planner.scene import FULL, Scene
from leadsman_operator.planner.shadow import is_copied
from leadsman_operator.planner.troubles import Trouble

API_VERSION = "gateway.networking.k8s.io/v1"
ALL_STABLE, ALL_CANDIDATE = Split.of(0), Split.of(FULL)
HANDOVER = timedelta(seconds=2)
"""How long a gateway may take to see that a Service points at other pods."""
MOST_DISPUTES = 3
"""So often weights that somebody else wrote are put right at once."""
TRUCE = timedelta(minutes=1)
"""Then at most once in this time; after a long peace all is forgotten."""
_PEACE = 10 * TRUCE


def by_gateway(scene: Scene) -> bool:
    """Whether a gateway splits the traffic."""
    return scene.spec.traffic.provider is TrafficProvider.GATEWAY_API


def wanted_split(scene: Scene, status: ModelDeploymentStatus) -> Split:
    """The weights that the routes should have now.

    A Service gets more only when it is seen to select the pods that are meant.
    """
    goal, written = _goal(scene, status), written_split(scene)
    if written is None or written.stable + written.candidate != FULL:
        return goal
    if goal.stable > written.stable:
        gaining = Arm.STABLE
    elif goal.candidate > written.candidate or (goal.copied and not written.copied):
        gaining = Arm.CANDIDATE
    else:
        return goal
    return goal if _has_its_pods(scene, status, gaining) else written


def _goal(scene: Scene, status: ModelDeploymentStatus) -> Split:
    """The weights that the status asks for.

    Only an arm with ready pods gets anything while the other has some: a gateway does not pass
    on what a Service without pods can't take. A candidate that is blocked is no way out.
    """
    stable, candidate, weight = status.stable, status.candidate, status.weight or 0
    if stable is None or candidate is None:
        return ALL_STABLE
    if 0 < weight < FULL:
        stable_ready, candidate_ready = scene.ready(stable.name), scene.ready(candidate.name)
        if stable_ready and not candidate_ready:
            return ALL_STABLE
        if candidate_ready and not stable_ready:
            return ALL_CANDIDATE
    return Split.of(weight, copied=is_copied(status))


def _has_its_pods(scene: Scene, status: ModelDeploymentStatus, arm: Arm) -> bool:
    """Whether the Service of an arm selects its revision, and the gateway knows it by now."""
    selected = selected_revision(scene, arm)
    if selected is not None and selected != revision_of(status, arm):
        return False
    stable = status.stable
    return arm is Arm.CANDIDATE or stable is None or scene.since(stable.since) >= HANDOVER


def revision_of(status: ModelDeploymentStatus, arm: Arm) -> str | None:
    """The revision that the Service of an arm should select.

    Routes name both Services, always: one without a revision of its own has the other's pods.
    """
    stable, candidate = status.stable, status.candidate
    first = (stable or candidate) if arm is Arm.STABLE else (candidate or stable)
    return first.name if first is not None else None


def selected_revision(scene: Scene, arm: Arm) -> str | None:
    """The revision that the Service of an arm was seen to select."""
    name = scene.observation.resource.metadata.name
    names = {Arm.STABLE: stable_service(name), Arm.CANDIDATE: candidate_service(name)}
    service = scene.live("Service", names[arm])
    selector: Mapping[str, str] = service["spec"].get("selector") or {} if service else {}
    return selector.get(Label.REVISION)


def service_target(scene: Scene, status: ModelDeploymentStatus, arm: Arm) -> str | None:
    """The revision that the Service of an arm selects after this plan.

    The one that it has, for as long as a gateway may send it requests and its pods answer them.
    """
    wanted, now = revision_of(status, arm), selected_revision(scene, arm)
    idle = ALL_CANDIDATE if arm is Arm.STABLE else ALL_STABLE
    if now is None or now == wanted or not scene.ready(now) or carries(scene, idle):
        return wanted
    return now


def routes(scene: Scene) -> Iterator[tuple[Manifest | None, str | None]]:
    """The routes that carry our weights, None for one that is not there, and the rule in each."""
    traffic = scene.spec.traffic
    if traffic.route_ref is not None:
        yield scene.observation.routing.named, traffic.route_ref.rule
    elif traffic.gateway is not None:
        name = scene.observation.resource.metadata.name
        yield scene.live(RouteKind.HTTP_ROUTE, name), None
        if traffic.gateway.grpc_hostnames:
            yield scene.live(RouteKind.GRPC_ROUTE, grpc_route(name)), None


def place_in(scene: Scene, route: Manifest, rule: str | None) -> Place | Problem:
    """Where our Services stand in a route."""
    name = scene.observation.resource.metadata.name
    return find_place(route, rule, (stable_service(name), candidate_service(name)))


def written_split(scene: Scene) -> Split | None:
    """The weights that all routes have; None where one is missing or says something else."""
    found: set[Split] = set()
    for route, rule in routes(scene):
        place = place_in(scene, route, rule) if route is not None else None
        if not isinstance(place, Place):
            return None
        found.add(place.split)
    return found.pop() if len(found) == 1 else None


def carries(scene: Scene, split: Split) -> bool:
    """Whether the gateways do split like this; without a gateway Services do at once."""
    if not by_gateway(scene):
        return True
    taken = all(route is not None and answer_of(route).is_current for route, _ in routes(scene))
    return taken and written_split(scene) == split


def realised_share(scene: Scene) -> float | None:
    """Percent of the requests that the candidate gets; None while no gateway can tell."""
    split = written_split(scene)
    if split is None or not carries(scene, split) or not split.stable + split.candidate:
        return None
    return round(FULL * split.candidate / (split.stable + split.candidate), 1)


def routing_trouble(scene: Scene) -> Trouble | None:
    """What keeps the weights from reaching the traffic."""
    if not by_gateway(scene):
        return None
    routing = scene.observation.routing
    if routing.unreadable is not None:
        return Trouble(routing.unreadable.reason, routing.unreadable.message, final=True)
    absent = [name for name, is_there in routing.gateways.items() if not is_there]
    if absent:
        message = f"there is no Gateway {absent[0]}: make it, or change traffic.gateway.parentRefs"
        return Trouble(Reason.GATEWAY_NOT_FOUND, message, final=True)
    traffic = scene.status.traffic
    if traffic is not None and traffic.disputes >= MOST_DISPUTES:
        return Trouble(Reason.ROUTE_CONTESTED, _contested(traffic), final=True)
    return next(
        (found for route, rule in routes(scene) if (found := _of(scene, route, rule))), None
    )


def _contested(traffic: TrafficStatus) -> str:
    return (
        f"somebody else has written other weights {traffic.disputes} times: leave `weight` of the"
        " backendRefs out of what is applied, or let the tool that applies it ignore the field"
    )


def _of(scene: Scene, route: Manifest | None, rule: str | None) -> Trouble | None:
    reference = scene.spec.traffic.route_ref
    if route is None:
        return _no_route(reference) if reference is not None else None
    place = place_in(scene, route, rule)
    if isinstance(place, Problem):
        return Trouble(Reason.ROUTE_NOT_FOUND, place.message, final=True)
    answer = answer_of(route)
    what = f"{route['kind']} {route['metadata']['name']}"
    if answer.complaint is not None:
        message = f"{what} is not accepted: {answer.complaint}"
        return Trouble(Reason.ROUTE_NOT_ACCEPTED, message, final=True)
    if not answer.is_current:
        message = f"no gateway has taken up {what} as it is now"
        return Trouble(Reason.ROUTE_NOT_ACCEPTED, message, final=False)
    return None


def _no_route(reference: RouteReference) -> Trouble:
    message = f"there is no {reference.kind} {reference.name}: make it, or change traffic.routeRef"
    return Trouble(Reason.ROUTE_NOT_FOUND, message, final=True)


def next_traffic(scene: Scene, status: ModelDeploymentStatus) -> TrafficStatus | None:
    """What is noted of the weights once the plan is carried out.

    It is noted as written now when it has to be written now.
    """
    if not by_gateway(scene):
        # Until they are seen to be gone: what is noted is why they are looked for.
        return scene.status.traffic if _has_own_routes(scene) else None
    wanted, written, before = (
        wanted_split(scene, status),
        written_split(scene),
        scene.status.traffic,
    )
    disputes = before.disputes if before is not None else 0
    now = TrafficStatus(
        stable=wanted.stable,
        candidate=wanted.candidate,
        copied=wanted.copied,
        written_at=scene.now,
        disputes=disputes,
    )
    if before is None or Split(before.stable, before.candidate, before.copied) != wanted:
        return now
    waited = scene.since(before.written_at)
    if written is None or written == wanted:
        calm = disputes > 0 and waited >= _PEACE
        return before.model_copy(update={"disputes": 0}) if calm else before
    if disputes >= MOST_DISPUTES and waited < TRUCE:
        return before
    return now.model_copy(update={"disputes": disputes + 1})


def _has_own_routes(scene: Scene) -> bool:
    return any(ref.api_version == API_VERSION for ref in scene.refs)


def named_ref(scene: Scene, reference: RouteReference) -> ObjectRef:
    """The user's route."""
    namespace = scene.observation.resource.metadata.namespace or ""
    return ObjectRef(API_VERSION, reference.kind.value, namespace, reference.name)
