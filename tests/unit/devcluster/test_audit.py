"""What the API server writes down, where, and how it is read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.audit import of_users
from devcluster.kind_config import AUDIT_LOG, Shape, kind_config
from devcluster.pins import package_file

POLICY = yaml.safe_load(package_file("manifests/audit-policy.yaml").read_text())
CONFIG = kind_config(
    Shape("x", workers=1), own_network=True, cgroup_version=2, audit_policy=Path("/cache/a.yaml")
)


def level(groups: set[str]) -> str:
    """Return the level at which the policy records a request of a member of these groups."""
    for rule in POLICY["rules"]:
        if not rule.get("userGroups") or groups & set(rule["userGroups"]):
            return str(rule["level"])
    return "None"


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({"system:serviceaccounts", "system:serviceaccounts:leadsman"}, "Metadata"),
        ({"system:serviceaccounts", "system:serviceaccounts:kube-system"}, "None"),
        ({"system:nodes"}, "None"),
        ({"system:masters"}, "None"),
    ],
    ids=["a pod's account", "Kubernetes' own", "a node", "a person"],
)
def test_only_accounts_of_pods_are_recorded(groups: set[str], expected: str) -> None:
    """Accounts of every namespace but kube-system, without what their requests contain."""
    assert level(groups | {"system:authenticated"}) == expected


def test_the_api_server_finds_policy_and_folder() -> None:
    """The policy comes from this machine into the node, and from there into the server's pod."""
    (mount,) = CONFIG["nodes"][0]["extraMounts"]
    server = yaml.safe_load(CONFIG["kubeadmConfigPatches"][0])["apiServer"]
    policy, log = server["extraVolumes"]

    assert (mount["hostPath"], mount["readOnly"]) == ("/cache/a.yaml", True)
    assert mount["containerPath"] == server["extraArgs"]["audit-policy-file"]
    assert policy["hostPath"] == policy["mountPath"] == str(Path(mount["containerPath"]).parent)
    assert server["extraArgs"]["audit-log-path"] == str(AUDIT_LOG)
    assert log["hostPath"] == log["mountPath"] == str(AUDIT_LOG.parent)


def test_the_record_stays_small() -> None:
    """Three files of 50 MB are the most; kubeadm takes arguments as texts."""
    arguments = yaml.safe_load(CONFIG["kubeadmConfigPatches"][0])["apiServer"]["extraArgs"]

    assert (arguments["audit-log-maxsize"], arguments["audit-log-maxbackup"]) == ("50", "2")


def event(user: str) -> str:
    """Return a line of the record."""
    entry: dict[str, Any] = {"user": {"username": user}, "verb": "list"}
    return json.dumps(entry)


def test_lines_are_chosen_by_the_beginning_of_the_user() -> None:
    """A namespace's accounts are chosen whole, without another one whose name begins alike."""
    ours = event("system:serviceaccount:leadsman:operator")
    other = event("system:serviceaccount:leadsman-stack:prometheus")
    lines = [ours, other, ours[:20], ""]

    assert list(of_users(lines, "system:serviceaccount:leadsman:")) == [ours]
    assert list(of_users(lines, "")) == [ours, other]
