"""The chart of the operator: what is installed, with the defaults and with every value."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from leadsman_api.ports import LIVE_PATH, READY_PATH, Port
from leadsman_operator.cli.values_schema import Values, main
from leadsman_operator.settings import CREDENTIALS, Settings, settable_fields, variable_of
from support.helm import KUBERNETES, Helm, Manifest
from support.repository import ROOT

CHART = ROOT / "charts/leadsman"
STACK: dict[str, Any] = {
    "tracking": {"uri": "http://mlflow.stack.svc:5000", "secretRef": {"name": "mlflow"}},
    "prometheus": {"url": "http://prometheus.stack.svc:9090"},
    "study": {"secretRef": {"name": "studies", "key": "optuna-url"}},
}
# Set by other means than a value, or of no use in a pod.
NOT_VALUES = {
    "LEADSMAN_IDENTITY", "LEADSMAN_LEASE_NAMESPACE", "LEADSMAN_LEASE_NAME",
    "LEADSMAN_LEASE_DURATION", "LEADSMAN_RECONCILE_TIMEOUT",
    "LEADSMAN_PORT_METRICS", "LEADSMAN_PORT_HEALTH",
}  # fmt: skip


def rendered(helm: Helm, values: dict[str, object] | None = None) -> dict[str, Manifest]:
    """The objects by kind and name."""
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in helm.template(CHART, values)}


@pytest.fixture(scope="module")
def defaults(helm: Helm) -> dict[str, Manifest]:
    """The objects of an installation without values."""
    return rendered(helm)


def pod_of(objects: dict[str, Manifest]) -> dict[str, Any]:
    """The spec of the operator's pods."""
    spec: dict[str, Any] = objects["Deployment/release-leadsman"]["spec"]["template"]["spec"]
    return spec


def variables(objects: dict[str, Manifest]) -> dict[str, Any]:
    """The environment of the operator: values, or where they come from."""
    entries = pod_of(objects)["containers"][0]["env"]
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in entries}


def test_helm_has_no_complaints(helm: Helm) -> None:
    """`helm lint --strict` finds nothing."""
    result = helm.attempt("lint", "--strict", "--kube-version", KUBERNETES, str(CHART))

    assert result.returncode == 0, result.stdout + result.stderr


def test_what_is_installed_by_default(defaults: dict[str, Manifest]) -> None:
    """The operator, its rights, those of people, and how its metrics are found."""
    assert set(defaults) == {
        "ServiceAccount/release-leadsman",
        "Deployment/release-leadsman",
        "PodDisruptionBudget/release-leadsman",
        "Service/release-leadsman-metrics",
        "ClusterRole/release-leadsman",
        "ClusterRoleBinding/release-leadsman",
        "Role/release-leadsman-lease",
        "RoleBinding/release-leadsman-lease",
        "ClusterRole/release-leadsman-viewer",
        "ClusterRole/release-leadsman-editor",
    }


def test_a_release_called_leadsman_does_not_repeat_itself(helm: Helm) -> None:
    """As the documentation calls it."""
    result = helm.attempt("template", "leadsman", str(CHART), "--kube-version", KUBERNETES)

    names = {one["metadata"]["name"] for one in yaml.safe_load_all(result.stdout) if one}
    assert "leadsman" in names
    assert not any("leadsman-leadsman" in name for name in names)


def test_two_replicas_on_different_nodes_and_never_none(defaults: dict[str, Manifest]) -> None:
    """An update or a drained node leaves one that acts."""
    deployment = defaults["Deployment/release-leadsman"]["spec"]
    affinity = pod_of(defaults)["affinity"]["podAntiAffinity"]

    assert deployment["replicas"] == 2
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert pod_of(defaults)["topologySpreadConstraints"]
    assert defaults["PodDisruptionBudget/release-leadsman"]["spec"]["minAvailable"] == 1


def test_a_single_replica_can_be_drained(helm: Helm) -> None:
    """A budget of one for one pod would block every node."""
    assert "PodDisruptionBudget/release-leadsman" not in rendered(helm, {"replicas": 1})


def test_pods_keep_to_the_restricted_standard(defaults: dict[str, Manifest]) -> None:
    """No root, no capabilities, nothing written but /tmp."""
    pod = pod_of(defaults)
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]  # noqa: S108
    assert pod["enableServiceLinks"] is False


def test_ports_and_probes_are_those_of_the_contract(defaults: dict[str, Manifest]) -> None:
    """What the program opens is what the chart names."""
    (container,) = pod_of(defaults)["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}

    assert ports == {"metrics": Port.OPERATOR_METRICS, "health": Port.OPERATOR_HEALTH}
    assert container["livenessProbe"]["httpGet"] == {"path": LIVE_PATH, "port": "health"}
    assert container["readinessProbe"]["httpGet"] == {"path": READY_PATH, "port": "health"}
    assert pod_of(defaults)["terminationGracePeriodSeconds"] == 15


def test_the_operator_understands_its_environment(helm: Helm) -> None:
    """Every variable that the chart sets is one that the operator reads, with a valid value."""
    found = variables(rendered(helm, STACK))
    known = {variable_of(field) for field in settable_fields()} | set(CREDENTIALS)
    written = {name: value for name, value in found.items() if isinstance(value, str)}

    assert set(found) <= known
    settings = Settings.from_environment(written)
    assert settings.tracking_uri == "http://mlflow.stack.svc:5000"
    assert settings.lease_name == "release-leadsman"


def test_every_setting_has_a_value(helm: Helm) -> None:
    """What can be set in the environment can be set by the chart, but for what a pod knows."""
    found = set(variables(rendered(helm, {**STACK, "namespaces": ["ml"]})))
    known = {variable_of(field) for field in settable_fields()}

    assert known - found <= NOT_VALUES


def test_the_stack_reaches_the_operator(helm: Helm) -> None:
    """Addresses as values, secrets by reference."""
    found = variables(rendered(helm, STACK))

    assert found["LEADSMAN_PROMETHEUS_URL"] == "http://prometheus.stack.svc:9090"
    assert found["LEADSMAN_STUDY_URL"] == {"secretKeyRef": {"name": "studies", "key": "optuna-url"}}
    for name in CREDENTIALS:
        assert found[name] == {"secretKeyRef": {"name": "mlflow", "key": name, "optional": True}}


def test_without_a_stack_nothing_points_to_one(defaults: dict[str, Manifest]) -> None:
    """Resources then name their own."""
    found = variables(defaults)

    assert not {"LEADSMAN_TRACKING_URI", "LEADSMAN_PROMETHEUS_URL", "LEADSMAN_STUDY_URL"} & set(
        found
    )
    assert not set(CREDENTIALS) & set(found)


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, "leadsman/operator:0.1.0"),
        ({"tag": "dev"}, "leadsman/operator:dev"),
        ({"repository": "r.example.com/op", "tag": "1"}, "r.example.com/op:1"),
        ({"tag": "dev", "digest": f"sha256:{'0' * 64}"}, f"leadsman/operator@sha256:{'0' * 64}"),
    ],
    ids=["default", "tag", "repository", "digest"],
)
def test_the_image_can_be_chosen(helm: Helm, image: dict[str, str], reference: str) -> None:
    """A digest wins over a tag."""
    (container,) = pod_of(rendered(helm, {"image": image}))["containers"]

    assert container["image"] == reference


def test_placement_and_additions_reach_the_pods(helm: Helm) -> None:
    """What a company needs beside: nodes, priorities, certificates, labels."""
    objects = rendered(
        helm,
        {
            "nodeSelector": {"disk": "fast"},
            "tolerations": [{"key": "only", "operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "priorityClassName": "high",
            "imagePullSecrets": [{"name": "registry"}],
            "env": [{"name": "SSL_CERT_FILE", "value": "/certificates/ca.crt"}],
            "volumes": [{"name": "certificates", "configMap": {"name": "ca"}}],
            "volumeMounts": [{"name": "certificates", "mountPath": "/certificates"}],
            "podAnnotations": {"a": "b"},
            "podLabels": {"c": "d"},
        },
    )
    pod = pod_of(objects)
    metadata = objects["Deployment/release-leadsman"]["spec"]["template"]["metadata"]

    assert pod["nodeSelector"] == {"disk": "fast"}
    assert pod["tolerations"] == [{"key": "only", "operator": "Exists"}]
    assert pod["affinity"] == {"nodeAffinity": {}}
    assert pod["priorityClassName"] == "high"
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert variables(objects)["SSL_CERT_FILE"] == "/certificates/ca.crt"
    assert [volume["name"] for volume in pod["volumes"]] == ["tmp", "certificates"]
    assert metadata["annotations"]["a"] == "b"
    assert metadata["labels"]["c"] == "d"


def test_pods_are_found_by_name_and_port(defaults: dict[str, Manifest]) -> None:
    """A Prometheus that looks for pods finds these labels, and every selector does."""
    labels = defaults["Deployment/release-leadsman"]["spec"]["template"]["metadata"]["labels"]
    selector = {"app.kubernetes.io/name": "leadsman", "app.kubernetes.io/instance": "release"}

    assert selector.items() <= labels.items()
    assert defaults["Deployment/release-leadsman"]["spec"]["selector"]["matchLabels"] == selector
    service = defaults["Service/release-leadsman-metrics"]["spec"]
    assert service["selector"] == selector
    assert service["ports"][0]["targetPort"] == "metrics"


def test_a_service_monitor_on_demand(helm: Helm) -> None:
    """With the labels that the Prometheus operator looks for, and only with a Service."""
    monitor: dict[str, Any] = {"enabled": True, "labels": {"release": "prometheus"}}
    objects = rendered(helm, {"metrics": {"serviceMonitor": monitor}})
    refused = helm.attempt_template(
        CHART, {"metrics": {"serviceMonitor": monitor, "service": {"enabled": False}}}
    )

    found = objects["ServiceMonitor/release-leadsman"]
    assert found["metadata"]["labels"]["release"] == "prometheus"
    assert found["spec"]["endpoints"] == [{"port": "metrics", "interval": "30s"}]
    assert "metrics.service.enabled" in refused.stderr


def test_people_get_rights_through_the_clusters_own_roles(
    helm: Helm, defaults: dict[str, Manifest]
) -> None:
    """Whoever may view, edit or administer a namespace; the status is the operator's alone."""
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    viewer = defaults["ClusterRole/release-leadsman-viewer"]
    editor = defaults["ClusterRole/release-leadsman-editor"]
    alone = rendered(helm, {"rbac": {"aggregate": False}})["ClusterRole/release-leadsman-viewer"]

    def aggregated(role: Manifest) -> set[str]:
        return {name.removeprefix(prefix) for name in role["metadata"]["labels"] if prefix in name}

    assert aggregated(viewer) == {"view", "edit", "admin"}
    assert aggregated(editor) == {"edit", "admin"}
    assert aggregated(alone) == set()
    assert {verb for rule in viewer["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    written = {resource for rule in editor["rules"] for resource in rule["resources"]}
    assert not any("status" in resource for resource in written)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replica": 2}, "replica"),
        ({"tracking": {"url": "http://x"}}, "url"),
        ({"tracking": {"uri": "mlflow:5000"}}, "uri"),
        ({"scrapeInterval": "15"}, "scrapeInterval"),
        ({"log": {"level": "loud"}}, "level"),
        ({"namespaces": "ml"}, "namespaces"),
    ],
    ids=["a misspelt key", "a wrong key", "no address", "no unit", "a wrong word", "no list"],
)
def test_wrong_values_are_refused(helm: Helm, values: dict[str, object], named: str) -> None:
    """A value that the chart does not know is refused by name, not ignored."""
    result = helm.attempt_template(CHART, values)

    assert result.returncode != 0
    assert named in result.stderr


def test_values_are_those_of_the_model() -> None:
    """Every value is written out in values.yaml, with the default that the model has."""
    written = yaml.safe_load((CHART / "values.yaml").read_text())
    model = Values().model_dump(by_alias=True, mode="json")

    assert written == {name: value for name, value in model.items() if name != "global"}


def test_the_schema_is_that_of_the_model() -> None:
    """What is committed is what the generator would write."""
    command = [sys.executable, "-m", "leadsman_operator.cli.values_schema", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (result.returncode, result.stdout) == (0, "")


def test_a_stale_schema_is_named_and_repaired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` writes nothing; without it the file is written."""
    path = tmp_path / "values.schema.json"

    assert main([str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().out == f"out of date: {path}\n"
    assert not path.exists()
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path), "--check"]) == 0


# Helm shows notes only where there is a cluster: here an object carries them.
CARRIER = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: notes
data:
  text: {{ tpl (.Files.Get "NOTES.copy") . | quote }}
"""


def test_notes_say_what_is_missing(helm: Helm, tmp_path: Path) -> None:
    """Whoever installs learns what resources will need, and what to try first."""
    chart = tmp_path / "leadsman"
    shutil.copytree(CHART, chart)
    shutil.move(chart / "templates/NOTES.txt", chart / "NOTES.copy")
    (chart / "templates/notes.yaml").write_text(CARRIER)

    def notes(values: dict[str, object]) -> str:
        (found,) = (one for one in helm.template(chart, values) if one["kind"] == "ConfigMap")
        text: str = found["data"]["text"]
        return text

    bare, whole = notes({}), notes(STACK)

    for missing in ("No MLflow server", "No Prometheus", "No database for studies"):
        assert missing in bare
        assert missing not in whole
    assert "looks after all namespaces" in bare
    assert "looks after ml, shop" in notes({"namespaces": ["ml", "shop"]})
    assert "kubectl apply" in whole


def test_the_chart_has_the_version_of_the_operator() -> None:
    """Chart and operator are released together under one version."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert f'version = "{chart["version"]}"' in (ROOT / "operator/pyproject.toml").read_text()
    assert chart["appVersion"] == chart["version"]
