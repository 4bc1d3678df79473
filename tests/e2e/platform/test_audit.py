"""The API server writes down what pods ask of it, and `devcluster audit` reads it."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from devcluster.engine import Engine
from support import workloads
from support.kubectl import Kubectl
from support.machine import devcluster
from support.waiting import eventually

ACCOUNTS = "system:serviceaccount:"
ASKS = """
import ssl, urllib.error, urllib.request as u
token = open("/var/run/secrets/kubernetes.io/serviceaccount/token").read()
request = u.Request("https://kubernetes.default.svc/api/v1/namespaces/{namespace}/configmaps/{name}",
                    headers={{"Authorization": f"Bearer {{token}}"}})
try:
    u.urlopen(request, context=ssl._create_unverified_context())
except urllib.error.HTTPError as error:
    print(error.code)
"""


def events(user: str) -> list[dict[str, Any]]:
    """Return what is recorded of users whose name begins so."""
    return [json.loads(line) for line in devcluster("audit", "--user", user).stdout.splitlines()]


def test_a_request_of_a_pod_is_recorded(kubectl: Kubectl, namespace: str) -> None:
    """Who asked, for what, and what the answer was: enough to compare with a role."""
    name = f"c-{uuid4()}"  # the namespace may have been there before, and so its account
    script = ASKS.format(namespace=namespace, name=name)
    pod = workloads.pod(
        "asker", ["python", "-c", script], restartPolicy="Never", automountServiceAccountToken=True
    )
    kubectl.apply(pod, namespace=namespace)
    user = f"{ACCOUNTS}{namespace}:default"

    def requests() -> list[dict[str, Any]]:
        return [event for event in events(user) if event["objectRef"].get("name") == name]

    eventually(requests, within_seconds=60, what="the pod's request in the record")
    (event,) = requests()

    assert (event["user"]["username"], event["verb"]) == (user, "get")
    assert event["objectRef"] == {
        "resource": "configmaps",
        "namespace": namespace,
        "name": name,
        "apiVersion": "v1",
    }
    assert event["responseStatus"]["code"] == 403


def test_nobody_but_pods_is_recorded(kubectl: Kubectl) -> None:
    """Neither people nor nodes nor Kubernetes' own accounts fill the record."""
    kubectl("get", "nodes")
    users = {event["user"]["username"] for event in events("")}

    assert {user for user in users if not user.startswith(ACCOUNTS)} == set()
    assert {user for user in users if user.startswith(f"{ACCOUNTS}kube-system:")} == set()


def test_the_record_is_a_file_of_the_node(engine: Engine) -> None:
    """Without devcluster it is read from the control plane's container."""
    path = "/var/log/kubernetes/audit.log"

    assert engine("exec", "leadsman-control-plane", "head", "-c", "7", path) == '{"kind"'
