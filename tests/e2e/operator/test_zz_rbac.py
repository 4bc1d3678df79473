"""The operator's rights against the calls that the API server has seen, both ways.

Runs after all other end-to-end tests: what none of them made the operator do must be listed here
with the reason why the right is needed all the same.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from support.installation import Installation

from support.kubectl import Kubectl

NAME = "leadsman"
Right = tuple[str, str, str]
"""Group, resource with its subresource, and verb."""

SEEN_AS_PATCH = "server-side apply is a patch; creating by it asks for this right as well"
RARE: dict[Right, str] = {
    **{
        (group, kind, "create"): SEEN_AS_PATCH
        for group, kind in (
            ("", "services"), ("", "serviceaccounts"), ("", "configmaps"), ("", "secrets"),
            ("", "events"), ("apps", "deployments"), ("apps", "controllerrevisions"),
            ("autoscaling", "horizontalpodautoscalers"), ("policy", "poddisruptionbudgets"),
            ("batch", "jobs"),
        )
    },
    **{
        ("leadsman.dev", f"{kind}/finalizers", "update"):
        "only asked for by the admission plugin OwnerReferencesPermissionEnforcement"
        for kind in ("modeldeployments", "trainingruns")
    },
}  # fmt: skip
FORBIDDEN = 403


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


def test_nothing_was_refused(calls: list[dict[str, Any]]) -> None:
    """No call that the operator makes lacks its right."""
    refused = {
        (*right_of(event), event["requestURI"])
        for event in calls
        if event.get("responseStatus", {}).get("code") == FORBIDDEN
    }

    assert calls
    assert refused == set()


def test_no_right_is_useless(calls: list[dict[str, Any]], rights: set[Right]) -> None:
    """Every right was used, or is listed with the reason why it is rarely."""
    used = {right_of(event) for event in calls}

    assert rights - used - set(RARE) == set()


def test_rare_rights_are_still_granted(rights: set[Right]) -> None:
    """A right that was taken away leaves the list too."""
    assert set(RARE) - rights == set()
