"""The operator's rights: exactly what its code calls, and nothing that opens a way further.

The end-to-end tests compare the same rules with the calls that a cluster has seen.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from leadsman_operator.adapters.kinds import path_of
from leadsman_operator.observe.cluster import SCHEDULED_KINDS, SERVING_KINDS, TRAINING_KINDS
from leadsman_operator.observe.routing import ROUTE_KINDS
from support.helm import Helm, Manifest
from support.repository import ROOT

CHART = ROOT / "charts/leadsman"
OWNED = ("list", "watch", "create", "patch", "delete")
Right = tuple[str, str, str]
"""Group, resource and verb."""


def rights(role: Manifest) -> Iterator[Right]:
    """The rules of a role, one by one."""
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield group, resource, verb


def owned_kinds() -> Iterator[tuple[str, str]]:
    """Group and resource of what the operator makes, as its own code names it."""
    owned = (*SERVING_KINDS, *TRAINING_KINDS, *SCHEDULED_KINDS, *ROUTE_KINDS)
    for version, kind in owned:
        group = version.rpartition("/")[0]
        yield group, path_of(version, kind).rpartition("/")[2]


@pytest.fixture(scope="module")
def objects(helm: Helm) -> dict[str, Manifest]:
    """The chart's objects by kind and name."""
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in helm.template(CHART)}


@pytest.fixture(scope="module")
def granted(objects: dict[str, Manifest]) -> set[Right]:
    """What the operator may do in every namespace."""
    return set(rights(objects["ClusterRole/release-leadsman"]))


LEFT_TO_OWNERS = {("", kind, "delete") for kind in ("configmaps", "secrets")}
"""What a training run's pods read goes with it by owner references."""


def test_what_it_makes_it_may_find_write_and_delete(granted: set[Right]) -> None:
    """Every kind that a plan can hold."""
    needed = {(group, kind, verb) for group, kind in owned_kinds() for verb in OWNED}

    assert needed - granted - LEFT_TO_OWNERS == set()


def test_it_may_do_nothing_else(granted: set[Right]) -> None:
    """A right is added together with the code that needs it."""
    needed = {(group, kind, verb) for group, kind in owned_kinds() for verb in OWNED}
    ours = ("modeldeployments", "trainingruns")
    needed |= {("leadsman.dev", kind, verb) for kind in ours
               for verb in ("get", "list", "watch", "patch")}  # fmt: skip
    needed |= {("leadsman.dev", f"{kind}/{part}", "update") for kind in ours
               for part in ("status", "finalizers")}  # fmt: skip
    needed |= {("", kind, "get") for kind in ("configmaps", "secrets")}
    gateways = "gateway.networking.k8s.io"
    needed |= {(gateways, kind, "get") for kind in ("httproutes", "grpcroutes", "gateways")}
    needed |= {("", "pods", "list"), ("", "pods", "watch"), ("apps", "deployments/scale", "patch")}
    needed -= LEFT_TO_OWNERS
    needed |= {("", "events", verb) for verb in ("get", "create", "patch")}

    assert granted == needed


def test_no_right_opens_a_way_further(granted: set[Right]) -> None:
    """No wildcards, no roles, no tokens, no commands in pods."""
    forbidden = {"roles", "rolebindings", "clusterroles", "clusterrolebindings",
                 "serviceaccounts/token", "pods/exec", "pods/attach", "nodes"}  # fmt: skip

    assert not any("*" in right for right in granted)
    assert {kind for _, kind, _ in granted} & forbidden == set()
    assert {verb for _, _, verb in granted} & {"escalate", "bind", "impersonate"} == set()


def test_of_leases_it_may_write_its_own(objects: dict[str, Manifest]) -> None:
    """One, in its own namespace; only the making of it can't be bound to a name."""
    role = objects["Role/release-leadsman-lease"]
    named, making = role["rules"]

    assert named["resourceNames"] == ["release-leadsman"]
    assert named["verbs"] == ["get", "update"]
    assert making["verbs"] == ["create"]
    assert {rule["resources"][0] for rule in role["rules"]} == {"leases"}


def test_with_a_list_of_namespaces_it_has_rights_in_these_only(helm: Helm) -> None:
    """No binding reaches further."""
    objects = helm.template(CHART, {"namespaces": ["ml", "shop"]})
    bindings = [one for one in objects if one["kind"].endswith("RoleBinding")]
    places = {
        (one["metadata"].get("namespace"), one["roleRef"]["name"])
        for one in bindings
        if not one["metadata"]["name"].endswith("-lease")
    }

    assert {one["kind"] for one in bindings} == {"RoleBinding"}
    assert places == {("ml", "release-leadsman"), ("shop", "release-leadsman")}
