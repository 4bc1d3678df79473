"""The chart of the demo's stack: what helm renders is confined, found by name, and watched."""

from __future__ import annotations

import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from leadsman_api.labels import MANAGED_BY, Label
from leadsman_api.ports import SIDE_PORT_NAME
from support.helm import KUBERNETES, Helm, Manifest
from support.repository import ROOT

CHART = ROOT / "charts/leadsman-stack"
PARTS = ("mlflow", "postgresql", "prometheus")
WORKLOADS = ("Deployment", "StatefulSet")
NAMESPACE = "somewhere"

every_part = pytest.mark.parametrize("part", PARTS)


class Objects(list[Manifest]):
    """Rendered objects."""

    def one(self, kind: str, name: str) -> Manifest:
        """Return the one object of a kind and name."""
        (found,) = [
            item for item in self if (item["kind"], item["metadata"]["name"]) == (kind, name)
        ]
        return found

    def workload(self, part: str) -> Manifest:
        """Return the Deployment or StatefulSet of a part."""
        (found,) = [
            item for item in self if item["kind"] in WORKLOADS and item["metadata"]["name"] == part
        ]
        return found

    def pod(self, part: str) -> Manifest:
        """Return the pod's template of a part."""
        template: Manifest = self.workload(part)["spec"]["template"]
        return template


def render(helm: Helm, values: dict[str, object] | None = None) -> Objects:
    """Render the chart for a namespace of its own."""
    result = attempt(helm, values)
    assert result.returncode == 0, result.stderr
    return Objects(document for document in yaml.safe_load_all(result.stdout) if document)


def attempt(
    helm: Helm, values: dict[str, object] | None = None
) -> subprocess.CompletedProcess[str]:
    """Render the chart, which may refuse."""
    return helm.attempt(
        "template", "stack", str(CHART), "--namespace", NAMESPACE, "--kube-version", KUBERNETES,
        values=values or {},
    )  # fmt: skip


@pytest.fixture(scope="module")
def rendered(helm: Helm) -> Objects:
    """The chart with its defaults."""
    return render(helm)


def containers(objects: Objects) -> Iterator[Manifest]:
    """Every container of every pod."""
    for part in PARTS:
        spec = objects.pod(part)["spec"]
        yield from (*spec.get("initContainers", ()), *spec["containers"])


def test_helm_has_no_complaints(helm: Helm) -> None:
    """`helm lint --strict` finds nothing."""
    result = helm.attempt("lint", "--strict", "--kube-version", KUBERNETES, str(CHART))

    assert result.returncode == 0, result.stdout + result.stderr


@every_part
def test_each_part_is_reached_by_its_name(rendered: Objects, part: str) -> None:
    """The Service of a part has its name, its port, and finds its pod by a port's name."""
    service = rendered.one("Service", part)["spec"]
    labels = rendered.pod(part)["metadata"]["labels"]
    (port,) = service["ports"]
    (container,) = rendered.pod(part)["spec"]["containers"]

    assert service["selector"].items() <= labels.items()
    assert service["selector"] == rendered.workload(part)["spec"]["selector"]["matchLabels"]
    assert port["targetPort"] in [entry["name"] for entry in container["ports"]]
    assert port["port"] == {"mlflow": 5000, "postgresql": 5432, "prometheus": 9090}[part]


@every_part
def test_pods_are_restricted(rendered: Objects, part: str) -> None:
    """Not root, default seccomp profile; only who asks the API has a token; no Service's names."""
    spec = rendered.pod(part)["spec"]

    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] == (part == "prometheus")
    assert spec["enableServiceLinks"] is False


def test_containers_are_restricted(rendered: Objects) -> None:
    """No way to more rights, no capability, a root file system that nobody writes to."""
    assert [container["name"] for container in containers(rendered)] != []
    for container in containers(rendered):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert container["imagePullPolicy"] == "IfNotPresent"
        assert not container["image"].endswith(":latest")


def test_what_the_stack_asks_for_fits_a_small_machine(rendered: Objects) -> None:
    """The requests sum up to 300m of CPU at most, and each container's memory is limited."""
    requests = [
        rendered.pod(part)["spec"]["containers"][0]["resources"]["requests"] for part in PARTS
    ]

    assert sum(int(request["cpu"].removesuffix("m")) for request in requests) <= 300
    assert all("memory" in item["resources"]["limits"] for item in containers(rendered))


@every_part
def test_every_part_is_probed(rendered: Objects, part: str) -> None:
    """A start may take its time; afterwards readiness and life are watched."""
    (container,) = rendered.pod(part)["spec"]["containers"]

    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()


def test_pods_run_where_they_are_told(helm: Helm, rendered: Objects) -> None:
    """Beside the control plane rather than on workers; a selector binds every part."""
    selector = {"node-role.kubernetes.io/control-plane": ""}
    bound = render(helm, {"nodeSelector": selector, "affinity": None, "tolerations": []})

    for part in PARTS:
        spec = rendered.pod(part)["spec"]
        assert "preferredDuringScheduling" in str(spec["affinity"]["nodeAffinity"])
        assert spec["tolerations"][0]["key"] == "node-role.kubernetes.io/control-plane"
        assert bound.pod(part)["spec"]["nodeSelector"] == selector
        assert not {"affinity", "tolerations"} & bound.pod(part)["spec"].keys()


def test_objects_carry_the_recommended_labels(rendered: Objects) -> None:
    """Name, instance, component, part-of, managed-by, and the chart's version."""
    for item in rendered:
        labels = item["metadata"]["labels"]
        assert {
            f"app.kubernetes.io/{name}"
            for name in ("name", "instance", "component", "part-of", "managed-by")
        } <= labels.keys()
        assert labels["helm.sh/chart"].startswith("leadsman-stack-")


def test_mlflow_answers_to_every_name_of_its_service(rendered: Objects, helm: Helm) -> None:
    """Each form of the name, with and without port, localhost for forwarded ports, and extras."""
    forms = ("", f".{NAMESPACE}", f".{NAMESPACE}.svc", f".{NAMESPACE}.svc.cluster.local")
    names = {f"mlflow{form}{port}" for form in forms for port in ("", ":5000")}
    extra = render(helm, {"mlflow": {"allowedHosts": ["mlflow.example.org"]}})

    assert names | {"localhost:*", "127.0.0.1:*"} <= allowed_hosts(rendered)
    assert allowed_hosts(extra) == allowed_hosts(rendered) | {"mlflow.example.org"}


def allowed_hosts(objects: Objects) -> set[str]:
    """Return the names that the MLflow server is told to answer to."""
    (container,) = objects.pod("mlflow")["spec"]["containers"]
    flag = "--allowed-hosts="
    (value,) = [item for item in container["args"] if item.startswith(flag)]
    return set(str(value).removeprefix(flag).split(","))


def test_mlflow_is_small_and_migrates_first(rendered: Objects) -> None:
    """One worker without job processes; the schema is brought up to date before it starts."""
    spec = rendered.pod("mlflow")["spec"]
    (server,), (first,) = spec["containers"], spec["initContainers"]
    env = {entry["name"]: entry.get("value") for entry in server["env"]}

    assert first["args"][:2] == ["db", "upgrade"]
    assert "--workers=1" in server["args"]
    assert env["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert rendered.workload("mlflow")["spec"]["strategy"] == {"type": "Recreate"}


def test_the_secret_has_whole_addresses(rendered: Objects) -> None:
    """Both addresses hold the password and a host that every namespace resolves."""
    data = rendered.one("Secret", "postgresql")["stringData"]
    rest = f"leadsman:{data['password']}@postgresql.{NAMESPACE}.svc:5432"

    assert len(data["password"]) >= 24
    assert data["mlflow-url"] == f"postgresql+psycopg2://{rest}/mlflow"
    assert data["optuna-url"] == f"postgresql+psycopg://{rest}/optuna"


def scrape_config(objects: Objects) -> Manifest:
    """Return Prometheus' configuration, parsed."""
    text = objects.one("ConfigMap", "prometheus")["data"]["prometheus.yml"]
    content: Manifest = yaml.safe_load(text)
    return content


def job(objects: Objects, name: str) -> Manifest:
    """Return one job of Prometheus' configuration."""
    (found,) = [
        item for item in scrape_config(objects)["scrape_configs"] if item["job_name"] == name
    ]
    return dict(found)


def discovered_by(label: Label) -> str:
    """Return how Kubernetes discovery calls the label of a pod."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in label.value)
    return f"__meta_kubernetes_pod_label_{plain}"


def test_models_are_found_by_the_operators_own_words(rendered: Objects) -> None:
    """Selector, port and labels are those that the operator gives to the pods of a model."""
    models = job(rendered, "models")
    ((selector,),) = (models["kubernetes_sd_configs"][0]["selectors"],)
    rules = models["relabel_configs"]
    sources = {
        rule["target_label"]: rule["source_labels"] for rule in rules if "target_label" in rule
    }

    assert selector["label"] == f"{Label.MANAGED_BY.value}={MANAGED_BY}"
    assert {
        "source_labels": ["__meta_kubernetes_pod_container_port_name"],
        "regex": SIDE_PORT_NAME,
        "action": "keep",
    } in rules
    assert sources == {
        "namespace": ["__meta_kubernetes_namespace"],
        "pod": ["__meta_kubernetes_pod_name"],
        "revision": [discovered_by(Label.REVISION)],
        "name": [discovered_by(Label.MODEL_DEPLOYMENT)],
    }


def test_the_operator_is_watched_too(rendered: Objects) -> None:
    """Its pods are found by their name, at the port of their figures."""
    operator = job(rendered, "operator")

    assert operator["kubernetes_sd_configs"][0]["selectors"] == [
        {"role": "pod", "label": "app.kubernetes.io/name=leadsman"}
    ]
    assert operator["relabel_configs"][0]["regex"] == "metrics"


def test_prometheus_may_read_pods_and_nothing_else(rendered: Objects) -> None:
    """Its role, bound to its account in the release's namespace, is to find pods."""
    mine = [item for item in rendered if item["metadata"]["name"].endswith("-prometheus")]
    (role,) = [item for item in mine if item["kind"] == "ClusterRole"]
    (binding,) = [item for item in mine if item["kind"] == "ClusterRoleBinding"]

    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "prometheus", "namespace": NAMESPACE}
    ]


def test_another_interval_starts_prometheus_anew(rendered: Objects, helm: Helm) -> None:
    """The interval is the one that was asked for, and a changed one reaches the pod."""
    changed = render(helm, {"prometheus": {"scrapeInterval": "2s"}})
    mark = "checksum/config"

    assert scrape_config(rendered)["global"]["scrape_interval"] == "5s"
    assert scrape_config(changed)["global"]["scrape_interval"] == "2s"
    assert (
        changed.pod("prometheus")["metadata"]["annotations"][mark]
        != rendered.pod("prometheus")["metadata"]["annotations"][mark]
    )


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"mlflow": {"image": "leadsman-stack/mlflow"}}, "mlflow.image"),
        ({"prometheus": {"scrapeInterval": "often"}}, "prometheus.scrapeInterval"),
        ({"postgresql": {"storage": {"size": "big"}}}, "postgresql.storage.size"),
        ({"postgresql": {"databases": ["mlflow"]}}, "postgresql.databases"),
        ({"postgresql": {"password": "x"}}, "password"),
    ],
    ids=["no tag", "no interval", "no size", "a database is missing", "an unknown key"],
)
def test_wrong_values_are_refused(helm: Helm, values: dict[str, object], named: str) -> None:
    """A value that cannot work is refused with the name of its field."""
    result = attempt(helm, values)

    assert result.returncode != 0
    assert named in result.stderr.replace("/", ".")


def notes_of(helm: Helm, copy: Path) -> str:
    """Return the chart's notes; helm itself tells them at an installation only."""
    text = (CHART / "templates/NOTES.txt").read_text()
    shutil.copytree(CHART, copy)
    (copy / "templates/notes.yaml").write_text("notes: |\n" + textwrap.indent(text, "  "))
    result = helm.attempt(
        "template", "stack", str(copy), "--namespace", NAMESPACE, "--kube-version", KUBERNETES,
        "--show-only", "templates/notes.yaml", values={},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return str(yaml.safe_load(result.stdout)["notes"])


def test_the_notes_tell_addresses_and_commands(helm: Helm, tmp_path: Path) -> None:
    """What stands at the end of an installation names each Service where it is."""
    notes = notes_of(helm, tmp_path / "chart")

    assert f"http://mlflow.{NAMESPACE}.svc:5000" in notes
    assert f"http://prometheus.{NAMESPACE}.svc:9090" in notes
    assert f"kubectl port-forward -n {NAMESPACE} service/mlflow 5000" in notes


def test_the_images_are_those_that_are_built(helm: Helm) -> None:
    """Each part runs the image whose Dockerfile lies in the chart, as they are tagged."""
    built = {path.parent.name for path in (CHART / "images").glob("*/Dockerfile")}
    whole = render(helm, {"optunaDashboard": {"enabled": True}})

    optional = [
        container
        for part in ("gateway", "optuna-dashboard")
        for container in whole.pod(part)["spec"]["containers"]
    ]
    images = {container["image"] for container in (*containers(whole), *optional)}

    assert images == {f"leadsman-stack/{name}:dev" for name in built}
