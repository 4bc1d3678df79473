"""The stack of the demo on the cluster: reached by its names, and not forgetful."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any
from uuid import uuid4

import pytest

from support import workloads
from support.installation import Installation
from support.kubectl import Kubectl
from support.machine import devcluster
from support.port_forward import forwarded
from support.stack import WORKLOADS, Stack, ensure_stack, find_stack
from support.waiting import eventually

SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
SERVES_METRICS = """
import http.server

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"predictions_total 42\\n")

http.server.ThreadingHTTPServer(("", 9090), Answer).serve_forever()
"""
MAKES_A_STUDY = """
import os, optuna
study = optuna.create_study(storage=os.environ["STUDIES"], study_name="{name}")
study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
print("trials", len(study.trials))
optuna.delete_study(study_name="{name}", storage=os.environ["STUDIES"])
"""


@pytest.fixture(scope="module")
def stack(kubectl: Kubectl, leadsman: Installation) -> Stack:
    """The stack, installed if need be."""
    return find_stack(kubectl, leadsman.stack_namespace)


def ask(url: str, body: object = None) -> Any:
    """Send JSON by POST, or nothing by GET; return the answer."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - an address of a test's own
        url, data=content, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - likewise
        return json.load(answer)


def status_for(address: str, host: str) -> int:
    """Ask MLflow for experiments under a name; return the code of the answer."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
    try:
        connection.request("GET", SEARCH, headers={"Host": host})
        return connection.getresponse().status
    finally:
        connection.close()


def pods(kubectl: Kubectl, stack: Stack) -> dict[str, str]:
    """Return the stack's pods: name → identity."""
    selector = "app.kubernetes.io/part-of=leadsman-stack"
    found = kubectl.get("-n", stack.namespace, "pods", "-l", selector)["items"]
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in found}


@pytest.mark.alone
def test_installing_again_changes_nothing(kubectl: Kubectl, stack: Stack) -> None:
    """An upgrade to the same keeps the password and every pod."""
    before = pods(kubectl, stack)

    assert ensure_stack(kubectl, stack.namespace) == stack
    assert pods(kubectl, stack) == before
    assert len(before) == len(WORKLOADS)


def test_a_pod_reaches_mlflow_by_the_name_of_its_service(
    kubectl: Kubectl, namespace: str, stack: Stack
) -> None:
    """A pod of another namespace gets experiments as it will be configured to ask for them."""
    kubectl.apply(workloads.client_pod("client", stack.mlflow + SEARCH), namespace=namespace)
    kubectl(
        "-n", namespace, "wait", "pod/client", "--for=jsonpath={.status.phase}=Succeeded",
        "--timeout=90s", timeout=100,
    )  # fmt: skip

    assert "experiments" in json.loads(kubectl("-n", namespace, "logs", "client"))


def test_mlflow_answers_to_each_of_its_names(kubectl: Kubectl, stack: Stack) -> None:
    """Every form of the Service's name, with and without port, is served; a foreign one is not."""
    space = stack.namespace
    forms = (
        "mlflow",
        f"mlflow.{space}",
        f"mlflow.{space}.svc",
        f"mlflow.{space}.svc.cluster.local",
    )
    with forwarded(kubectl, space, "mlflow", 5000) as address:
        codes = {
            host: status_for(address, host) for form in forms for host in (form, f"{form}:5000")
        }
        foreign = status_for(address, "mlflow.example.org")

    assert set(codes.values()) == {200}, codes
    assert foreign == 403


@pytest.mark.alone
def test_data_outlive_the_pod_of_the_database(kubectl: Kubectl, stack: Stack) -> None:
    """What MLflow wrote before the database was restarted is there, without restarting MLflow."""
    name = f"outlives-{uuid4()}"
    with forwarded(kubectl, stack.namespace, "mlflow", 5000) as address:
        api = f"{address}/api/2.0/mlflow/experiments"
        made = ask(f"{api}/create", {"name": name})["experiment_id"]
        server = pods(kubectl, stack)["postgresql-0"]
        kubectl("-n", stack.namespace, "delete", "pod", "postgresql-0", timeout=90)
        kubectl(
            "-n", stack.namespace, "rollout", "status", "statefulset/postgresql", "--timeout=90s",
            timeout=100,
        )  # fmt: skip
        found: dict[str, Any] = {}

        def is_back() -> bool:
            try:  # a Ready pod is an endpoint of its Service a moment later
                found.update(ask(f"{api}/get-by-name?experiment_name={name}")["experiment"])
            except urllib.error.HTTPError as error:
                assert error.code == 503, error  # noqa: PT017 - any other answer is wrong
            return bool(found)

        eventually(is_back, within_seconds=30, what="MLflow reaches the database again")
        ask(f"{api}/delete", {"experiment_id": made})

    assert pods(kubectl, stack)["postgresql-0"] != server
    assert found["experiment_id"] == made


def test_a_study_lives_in_the_database(kubectl: Kubectl, namespace: str, stack: Stack) -> None:
    """The training image opens a study at the address that the Secret holds."""
    script = MAKES_A_STUDY.format(name=f"s-{uuid4()}")
    pod = workloads.pod("worker", ["python", "-c", script], restartPolicy="Never")
    pod["spec"]["containers"][0]["image"] = "leadsman/training:dev"
    pod["spec"]["containers"][0]["env"] = [{"name": "STUDIES", "value": stack.optuna}]
    kubectl.apply(pod, namespace=namespace)
    kubectl(
        "-n", namespace, "wait", "pod/worker", "--for=jsonpath={.status.phase}=Succeeded",
        "--timeout=120s", timeout=130,
    )  # fmt: skip

    assert "trials 1" in kubectl("-n", namespace, "logs", "worker")


def test_prometheus_asks_the_pods_of_a_model(
    kubectl: Kubectl, namespace: str, stack: Stack
) -> None:
    """A pod as the operator makes it is found, and its samples say of which model they are."""
    pod = workloads.pod("model", ["python", "-c", SERVES_METRICS])
    pod["metadata"]["labels"] |= {
        "app.kubernetes.io/managed-by": "leadsman-operator",
        "leadsman.dev/model-deployment": "churn",
        "leadsman.dev/revision": "churn-7-abc",
    }
    pod["spec"]["containers"][0]["ports"] = [{"name": "side", "containerPort": 9090}]
    kubectl.apply(pod, namespace=namespace)
    query = urllib.parse.quote(f'predictions_total{{namespace="{namespace}"}}')
    with forwarded(kubectl, stack.namespace, "prometheus", 9090) as address:
        samples: list[dict[str, Any]] = []

        def is_found() -> bool:
            samples[:] = ask(f"{address}/api/v1/query?query={query}")["data"]["result"]
            return bool(samples)

        eventually(is_found, within_seconds=60, what="a sample of the pod")
        targets = ask(f"{address}/api/v1/targets?state=active")["data"]["activeTargets"]

    (sample,) = samples
    wanted = {"name": "churn", "pod": "model", "revision": "churn-7-abc", "job": "models"}
    assert sample["value"][1] == "42"
    assert wanted.items() <= sample["metric"].items()
    assert [target["health"] for target in targets if target["labels"].get("pod") == "model"] == [
        "up"
    ]


def test_what_prometheus_asked_is_in_the_audit_log(stack: Stack) -> None:
    """The record of the API server names user, verb and object of an account's requests."""
    user = f"system:serviceaccount:{stack.namespace}:prometheus"
    lines = devcluster("audit", "--user", user).stdout.splitlines()
    events = [json.loads(line) for line in lines]

    assert {event["user"]["username"] for event in events} == {user}
    assert {event["objectRef"]["resource"] for event in events} == {"pods"}
    assert {event["verb"] for event in events} <= {"list", "watch"}
    assert not any("requestObject" in event or "responseObject" in event for event in events)
