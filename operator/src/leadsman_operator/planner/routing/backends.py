"""What a route says of our two Services: where they stand in it, with which weights and copies.

Pure reading of one HTTPRoute or GRPCRoute; whoever decides on it is elsewhere.
https://gateway-api.sigs.k8s.io/reference/spec/#httproute
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from leadsman_api.ports import SERVICE_PORT_NAME, Port
from leadsman_operator.facts import Manifest

_DEFAULT_WEIGHT = 1
"""Of a backendRef that names none."""
_MIRROR = "RequestMirror"
"""The filter that copies: extended support, of which a gateway tells when it has none."""


@dataclass(frozen=True, slots=True)
class Split:
    """Weights of the stable and the candidate Service, of 100 together."""

    stable: int
    candidate: int
    copied: bool = False
    """Whether the candidate gets a copy of each request besides."""

    @classmethod
    def of(cls, candidate: int, *, copied: bool = False) -> Split:
        """The split that gives the candidate so many percent."""
        return cls(100 - candidate, candidate, copied)

    @override
    def __str__(self) -> str:
        """Write it as people say it."""
        return f"{self.stable} to {self.candidate}{' with copies' if self.copied else ''}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the weights of a route can't be moved, as a sentence that says what to write."""

    message: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where our backends stand in a route."""

    rule: int
    backends: Sequence[Mapping[str, Any]]
    """All backendRefs of the rule, as they were read."""
    stable: int
    candidate: int
    """Places of ours among them."""
    copies: int | None
    """Place of our filter among the rule's; None where nothing is copied to the candidate."""

    @property
    def split(self) -> Split:
        """The weights as they are."""
        weights = self._weight(self.stable), self._weight(self.candidate)
        return Split(*weights, self.copies is not None)

    def _weight(self, index: int) -> int:
        return int(self.backends[index].get("weight", _DEFAULT_WEIGHT))


def find_place(route: Manifest, rule: str | None, names: tuple[str, str]) -> Place | Problem:
    """Where the Services `names`, stable and candidate, stand in a rule of a route."""
    what = f"{route['kind']} {route['metadata']['name']}"
    rules: Sequence[Mapping[str, Any]] = route["spec"].get("rules") or ()
    index = _rule(rules, rule, what)
    if isinstance(index, Problem):
        return index
    backends: Sequence[Mapping[str, Any]] = rules[index].get("backendRefs") or ()
    namespace = route["metadata"].get("namespace", "")
    found = [list(_standing(backends, name, namespace)) for name in names]
    for name, places in zip(names, found, strict=True):
        if len(places) != 1:
            which = f"rule {rule}" if rule else "the rule"
            where = f"{which} of {what} names the Service {name} {len(places)} times"
            port = int(Port.SERVICE_HTTP)
            how = f"write one backendRef {{name: {name}, port: {port}}} ({SERVICE_PORT_NAME})"
            return Problem(f"{where}: {how}")
    filters: Sequence[Mapping[str, Any]] = rules[index].get("filters") or ()
    copies = next((at for at, one in enumerate(filters) if _copies(one, names[1])), None)
    return Place(index, backends, found[0][0], found[1][0], copies)


def copies_to(candidate: str) -> dict[str, Any]:
    """The filter that copies each request to the candidate's port for copies.

    Without a percentage: Contour 1.33 and older gateways don't read it, so the pods do.
    """
    port = int(Port.SERVING_COPIES)
    backend = {"group": "", "kind": "Service", "name": candidate, "port": port}
    return {"type": _MIRROR, "requestMirror": {"backendRef": backend}}


def _copies(one: Mapping[str, Any], candidate: str) -> bool:
    """Whether a filter is ours; others may copy requests elsewhere."""
    backend = (one.get("requestMirror") or {}).get("backendRef") or {}
    ours = backend.get("name") == candidate and backend.get("port") == int(Port.SERVING_COPIES)
    return one.get("type") == _MIRROR and ours


def _rule(rules: Sequence[Mapping[str, Any]], name: str | None, what: str) -> int | Problem:
    if name is None:
        if len(rules) == 1:
            return 0
        return Problem(
            f"{what} has {len(rules)} rules: write in traffic.routeRef.rule the name of one"
        )
    for index, rule in enumerate(rules):
        if rule.get("name") == name:
            return index
    named = ", ".join(str(rule["name"]) for rule in rules if "name" in rule)
    return Problem(f"{what} has no rule called {name}; its named rules: {named or 'none'}")


def _standing(backends: Sequence[Mapping[str, Any]], name: str, namespace: str) -> Iterator[int]:
    for index, backend in enumerate(backends):
        is_service = backend.get("kind", "Service") == "Service" and not backend.get("group")
        is_here = backend.get("namespace", namespace) == namespace
        if backend.get("name") == name and is_service and is_here:
            yield index


def split_patch(route: Manifest, place: Place, split: Split) -> tuple[Mapping[str, Any], ...]:
    """JSON patch that moves nothing but our two weights and our filter.

    Its test holds only while the rule is as it was read: whoever has changed it since wins, and
    is looked at again. Other rules, and the status of the route, may change meanwhile.
    """
    rule = f"/spec/rules/{place.rule}"
    return (
        {"op": "test", "path": rule, "value": route["spec"]["rules"][place.rule]},
        *(
            {"op": "add", "path": f"{rule}/backendRefs/{index}/weight", "value": weight}
            for index, weight in ((place.stable, split.stable), (place.candidate, split.candidate))
        ),
        *_filter_patch(route, place, split),
    )


def _filter_patch(route: Manifest, place: Place, split: Split) -> Iterator[Mapping[str, Any]]:
    """Put our filter behind the others, or take it away; none is left of a list of ours alone."""
    filters = f"/spec/rules/{place.rule}/filters"
    known = route["spec"]["rules"][place.rule].get("filters") or ()
    if split.copied and place.copies is None:
        ours = copies_to(place.backends[place.candidate]["name"])
        if known:
            yield {"op": "add", "path": f"{filters}/-", "value": ours}
        else:
            yield {"op": "add", "path": filters, "value": [ours]}
    elif place.copies is not None and not split.copied:
        one = f"{filters}/{place.copies}" if len(known) > 1 else filters
        yield {"op": "remove", "path": one}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateways say of a route."""

    is_current: bool
    """At least one takes it, and all that do have read its latest generation."""
    complaint: str | None = None
    """What one of them refuses."""


def answer_of(route: Manifest) -> Answer:
    """Read the conditions that each gateway's controller writes; those of old generations say
    nothing of what is there now.
    """
    generation = int(route["metadata"].get("generation", 0))
    parents: Sequence[Mapping[str, Any]] = (route.get("status") or {}).get("parents") or ()
    accepted: list[bool] = []
    for parent in parents:
        for condition in parent.get("conditions", ()):
            kind, word = condition.get("type"), condition.get("status")
            current = int(condition.get("observedGeneration", 0)) >= generation
            if kind in ("Accepted", "ResolvedRefs") and word == "False" and current:
                said = condition.get("message") or condition.get("reason")
                gateway = parent.get("parentRef", {}).get("name")
                return Answer(is_current=False, complaint=f"Gateway {gateway}: {said}")
            if kind == "Accepted" and word == "True":
                accepted.append(current)
    return Answer(is_current=bool(accepted) and all(accepted))
