"""The operator's rights against the calls that the API server has seen, both ways.

Runs after all other end-to-end tests: what none of them made the operator do must be listed here
with the reason why the right is needed all the same.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from support.installation import Installation
from support.kubectl import Kubectl

pytestmark = pytest.mark.alone
NAME = "leadsman"
Right = tuple[str, str, str]
"""Group, resource with its subresource, and verb."""

_MADE = (
    ("", "services"), ("", "serviceaccounts"), ("", "configmaps"), ("", "secrets"), ("", "events"),
    ("apps", "deployments"), ("apps", "controllerrevisions"),
    ("autoscaling", "horizontalpodautoscalers"), ("policy", "poddisruptionbudgets"),
    ("batch", "jobs"), ("gateway.networking.k8s.io", "httproutes"),
    ("gateway.networking.k8s.io", "grpcroutes"), ("leadsman.dev", "trainingruns"),
)  # fmt: skip
NEVER_SEEN: dict[Right, str] = {
    **dict.fromkeys(
        ((group, kind, "create") for group, kind in _MADE),
        "server-side apply is a patch; what it makes needs this right as well",
    ),
    **dict.fromkeys(
        (
            ("leadsman.dev", f"{kind}/finalizers", "update")
            for kind in ("modeldeployments", "trainingruns")
        ),
        "only asked for by the admission plugin OwnerReferencesPermissionEnforcement",
    ),
}
RARE: dict[Right, str] = {
    ("", "configmaps", "get"): "a spec has to name one",
    ("", "secrets", "get"): "a spec has to name one",
}
FORBID = "forbid"
"""The word of the API server's authorizer; other refusals have the code 403 too."""


def granted(rules: list[dict[str, Any]]) -> Iterator[Right]:
    """The rules of a role, one by one."""
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                yield from ((group, resource, verb) for verb in rule["verbs"])


def right_of(event: dict[str, Any]) -> Right:
    """The right that a call needed."""
    about = event["objectRef"]
    part = f"/{about['subresource']}" if about.get("subresource") else ""
    return about.get("apiGroup", ""), f"{about['resource']}{part}", event["verb"]


@pytest.fixture(scope="module")
def calls(leadsman: Installation) -> list[dict[str, Any]]:
    """What the operator has asked of the API server, but for discovery."""
    user = f"system:serviceaccount:{leadsman.operator_namespace}:{NAME}"
    printed = subprocess.run(
        ["devcluster", "audit", "--user", user], check=True, capture_output=True, text=True
    ).stdout
    events = [json.loads(line) for line in printed.splitlines()]
    return [event for event in events if event.get("objectRef", {}).get("resource")]


@pytest.fixture(scope="module")
def rights(kubectl: Kubectl, leadsman: Installation) -> set[Right]:
    """What the installed chart grants: everywhere, and in its own namespace."""
    role = kubectl.get("clusterrole", NAME)
    own = kubectl.get("role", f"{NAME}-lease", "-n", leadsman.operator_namespace)
    return {*granted(role["rules"]), *granted(own["rules"])}


@pytest.fixture(scope="module")
def used(calls: list[dict[str, Any]]) -> set[Right]:
    """The rights that calls needed."""
    return {right_of(event) for event in calls}


def listed(found: Iterable[Right]) -> list[str]:
    """Rights as a person reads them."""
    return sorted(f"{verb} {kind}{'.' + group if group else ''}" for group, kind, verb in found)


def test_nothing_was_refused(calls: list[dict[str, Any]]) -> None:
    """No call that the operator makes lacks its right."""
    refused = {
        right_of(event)
        for event in calls
        if event.get("annotations", {}).get("authorization.k8s.io/decision") == FORBID
    }

    assert calls
    assert listed(refused) == []


def test_no_right_is_useless(used: set[Right], rights: set[Right]) -> None:
    """Every right was used, or is listed with the reason why it was not."""
    assert listed(rights - used - set(NEVER_SEEN) - set(RARE)) == []


def test_what_is_never_seen_is_not(used: set[Right]) -> None:
    """A right that tests have come to use leaves this list."""
    assert listed(used & set(NEVER_SEEN)) == []


def test_reasons_are_for_rights_that_are_granted(rights: set[Right]) -> None:
    """A right that was taken away leaves the lists too."""
    assert listed({*NEVER_SEEN, *RARE} - rights) == []
