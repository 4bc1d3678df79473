"""One kind cluster: created, started again after a crash, equipped with its add-ons, deleted."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

from devcluster import commands, nodes
from devcluster.engine import Engine
from devcluster.errors import CommandFailed
from devcluster.kind_config import Shape, kind_config
from devcluster.nodes import Node
from devcluster.pins import Pins, package_file
from devcluster.places import Places
from devcluster.progress import Progress
from devcluster.waiting import wait_until

__all__ = ["Cluster"]

READY_SECONDS = 240
RESTART_SECONDS = 90
AUDIT_POLICY = "audit-policy.yaml"
ADDONS = (("kube-system", "coredns"), ("kube-system", "metrics-server"),
          ("local-path-storage", "local-path-provisioner"))  # fmt: skip
# Beside the API server: a worker that dies takes its pods along, but nobody's names.
DNS_PLACE = json.dumps(
    {
        "spec": {
            "template": {"spec": {"nodeSelector": {"node-role.kubernetes.io/control-plane": ""}}}
        }
    }
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster's name with all that is needed to work on it."""

    name: str
    engine: Engine
    pins: Pins
    places: Places
    progress: Progress

    @property
    def kubeconfig(self) -> Path:
        """The file that points kubectl at this cluster."""
        return self.places.kubeconfig(self.name)

    def nodes(self) -> tuple[Node, ...]:
        """Return the cluster's nodes, stopped ones too."""
        return nodes.list_nodes(self.engine, self.name)

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 60) -> str:
        """Run a kubectl command that has to succeed.

        Raises:
            CommandFailed: It did not.
        """
        return commands.run(self._kubectl(*arguments), stdin=stdin, timeout=timeout)

    def answers(self) -> bool:
        """Say whether the API server is there."""
        return (
            commands.attempt(self._kubectl("get", "--raw", "/readyz"), timeout=10).returncode == 0
        )

    def create(self, shape: Shape, image: str, *, own_network: bool, cgroup_version: int) -> None:
        """Create the nodes; on any failure nothing of them stays.

        Raises:
            CommandFailed: kind failed; its log is named.
        """
        config = kind_config(
            shape,
            own_network=own_network,
            cgroup_version=cgroup_version,
            audit_policy=self._keep_audit_policy(),
        )
        file = self.kubeconfig.with_name("kind.yaml")
        file.write_text(yaml.safe_dump(config))
        count = 1 + shape.workers
        title = f"{count} node{'s' if count > 1 else ''} of {image}"
        try:
            with self.progress.step(title) as step:
                commands.follow(
                    [
                        *self._kind("create", "cluster"),
                        "--image",
                        image,
                        "--config",
                        str(file),
                        "--kubeconfig",
                        str(self.kubeconfig),
                        "--wait",
                        "0s",
                    ],
                    log=self.places.logs / f"kind-{self.name}.log",
                    env=self.engine.env,
                    on_line=step.show,
                )
        except BaseException:
            self.delete()
            raise

    def restart(self) -> bool:
        """Start stopped nodes again; say whether the API server came back."""
        self._keep_audit_policy()
        nodes.start_nodes(self.engine, self.nodes())
        if not self.kubeconfig.exists():  # the cache was emptied: the nodes know it too
            export = self._kind("export", "kubeconfig")
            commands.attempt([*export, "--kubeconfig", str(self.kubeconfig)], env=self.engine.env)
        return wait_until(self.answers, RESTART_SECONDS)

    def connect_pods(self) -> None:
        """Give the nodes their pod network, where the node image has no plugin of its own.

        Raises:
            CommandFailed: A node did not get a range of addresses in time.
        """
        running = tuple(node for node in self.nodes() if node.is_running)
        if not wait_until(lambda: bool(self._pod_cidrs(running)), READY_SECONDS):
            raise CommandFailed(self._kubectl("get", "nodes"), 1, "nodes without a pod CIDR")
        nodes.connect_pods(self.engine, running, self._pod_cidrs(running))

    def add_ons(self, metrics_image: str, metrics_command: tuple[str, ...]) -> None:
        """Apply what kind does not bring, and keep DNS where no worker's end reaches it.

        Raises:
            CommandFailed: The API server refused.
        """
        # Without Services an add-on crashes at its start, and waits long until it is started again.
        self.kubectl(
            "-n",
            "kube-system",
            "rollout",
            "status",
            "daemonset/kube-proxy",
            f"--timeout={READY_SECONDS}s",
            timeout=READY_SECONDS,
        )
        manifest = package_file("manifests/metrics-server.yaml").read_text()
        manifest = manifest.replace("@IMAGE@", metrics_image)
        manifest = manifest.replace("@COMMAND@", json.dumps(metrics_command))
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)
        self.kubectl("-n", "kube-system", "scale", "deployment/coredns", "--replicas=1")
        if len(self.nodes()) > 1:
            self.kubectl("-n", "kube-system", "patch", "deployment/coredns", "-p", DNS_PLACE)

    def wait_until_ready(self) -> None:
        """Wait for the nodes and every add-on.

        Raises:
            CommandFailed: One was not Ready in time; the message names it.
        """
        limit = f"--timeout={READY_SECONDS}s"
        patience = READY_SECONDS + 10
        with self.progress.step("nodes Ready"):
            self.kubectl("wait", "--for=condition=Ready", "nodes", "--all", limit, timeout=patience)
        with self.progress.step("DNS, storage and metrics Ready"):
            for namespace, name in ADDONS:
                self.kubectl(
                    "-n",
                    namespace,
                    "rollout",
                    "status",
                    f"deployment/{name}",
                    limit,
                    timeout=patience,
                )
            # Available says that something answers; only figures say that they can be had.
            self._wait_for_raw("/apis/metrics.k8s.io/v1beta1/nodes")

    def delete(self) -> None:
        """Delete the cluster's nodes, volumes and kubeconfig; harmless where there is none.

        Raises:
            CommandFailed: The engine refused.
        """
        with ThreadPoolExecutor() as lanes:  # each takes seconds to end its processes
            list(lanes.map(self._remove_node, self.nodes()))
        for name in ("kubeconfig", "kubeconfig.lock", "kind.yaml", AUDIT_POLICY):
            self.kubeconfig.with_name(name).unlink(missing_ok=True)
        if self.kubeconfig.parent.exists():
            self.kubeconfig.parent.rmdir()

    def _keep_audit_policy(self) -> Path:
        """Put the file that the control plane's node mounts where it was when it was created."""
        file = self.kubeconfig.with_name(AUDIT_POLICY)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(package_file(f"manifests/{AUDIT_POLICY}").read_text())
        return file

    def _remove_node(self, node: Node) -> None:
        self.engine("rm", "--force", "--volumes", node.name)

    def _wait_for_raw(self, path: str) -> None:
        command = self._kubectl("get", "--raw", path)
        if not wait_until(lambda: not commands.attempt(command).returncode, READY_SECONDS):
            raise CommandFailed(command, 1, commands.attempt(command).stderr)

    def _pod_cidrs(self, running: tuple[Node, ...]) -> dict[str, str]:
        listing = json.loads(self.kubectl("get", "nodes", "-o", "json"))
        cidrs = {
            item["metadata"]["name"]: item["spec"]["podCIDR"]
            for item in listing["items"]
            if "podCIDR" in item["spec"]
        }
        if any(node.name not in cidrs for node in running):
            return {}
        return {node.name: cidrs[node.name] for node in running}

    def _kubectl(self, *arguments: str) -> list[str]:
        program = str(self.places.programs / "kubectl")
        return [program, "--kubeconfig", str(self.kubeconfig), *arguments]

    def _kind(self, *arguments: str) -> list[str]:
        return [str(self.places.programs / "kind"), *arguments, "--name", self.name]
