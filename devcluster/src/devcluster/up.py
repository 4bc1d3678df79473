"""`devcluster up`: from whatever state the machine is in to a cluster with Ready add-ons."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from dataclasses import replace as replace_fields

from devcluster import builds, debian, private_engine, ways
from devcluster.builds import GoBuild
from devcluster.cluster import Cluster
from devcluster.engine import Engine
from devcluster.errors import Refusal
from devcluster.host import HostFacts, is_port_free, look_at_host
from devcluster.kind_config import Shape
from devcluster.node_image import NODE_PARTS, NodeImageBuild, addon_image, built_tag
from devcluster.pins import Pins
from devcluster.places import Places
from devcluster.progress import Progress, format_seconds
from devcluster.toolchain import find_go
from devcluster.tools import bring_tools
from devcluster.ways import EngineKind, Way

__all__ = ["Up"]


OFFICIAL_METRICS_SERVER = (
    "/metrics-server",
    "--cert-dir=/tmp",
    "--secure-port=10250",
    "--kubelet-preferred-address-types=InternalIP",
    "--kubelet-use-node-status-port",
    "--kubelet-insecure-tls",
    "--metric-resolution=10s",
    "--kubelet-request-timeout=5s",  # has to be below the resolution
)
"""What the published image has to be told, and the built one says by itself."""


@dataclass(frozen=True, slots=True)
class NodeImage:
    """The image that nodes run, and whether it was built here."""

    name: str
    is_built: bool


@dataclass(frozen=True, slots=True)
class Up:
    """The command with all that it works with."""

    pins: Pins
    places: Places
    progress: Progress

    def engine(self) -> tuple[Engine, HostFacts, Way]:
        """Return an engine that answers, started if need be, with the facts that led to it.

        Raises:
            Refusal: This machine cannot run one.
            CommandFailed: Debian's packages could not be installed.
        """
        running = private_engine.is_running(self.places)
        facts = look_at_host(
            self.places, has_private_engine=running or private_engine.holds_nodes(self.places)
        )
        way = ways.decide_way(facts)
        is_cold = way.engine is EngineKind.PRIVATE and not builds.is_built(
            self.pins.parts["cluster"], self.places
        )
        ways.check_disk(facts, cold=is_cold)
        for reason in way.reasons:
            self.progress.say(reason)
        if way.engine is EngineKind.USERS:
            return Engine("docker", None, self.places.programs), facts, way
        if way.install:
            with self.progress.step(f"Debian packages: {' '.join(way.install)}") as step:
                debian.install(self.places, way.install, step.show)
        if not running:
            with self.progress.step("private engine"):
                private_engine.start(self.places, without=way.without_capabilities)
        return private_engine.client_of(self.places), facts, way

    def run(self, shape: Shape, *, workers: int | None, replace: bool) -> Cluster:
        """Bring the cluster up; harmless when it is up already.

        Raises:
            Refusal: What was asked for cannot be had; the message says what to do.
            CommandFailed: A program that does a part of the work failed.
        """
        started = time.monotonic()
        engine, facts, way = self.engine()
        cluster = Cluster(shape.name, engine, self.pins, self.places, self.progress)
        try:
            if not cluster.nodes():
                self._check_ports(shape)
            image = self._node_image(engine, way)
            bring_tools(self.pins, self.places, self.progress, ("kind", "kubectl"))
            self._nodes(cluster, shape, image, facts, workers=workers, replace=replace)
        except BaseException:
            self._leave_nothing_half_made(cluster)
            raise
        if image.is_built:
            cluster.connect_pods()
            cluster.add_ons(addon_image(self.pins, "metrics-server"), ("metrics-server",))
        else:
            version = self.pins.parts["cluster"].modules["sigs.k8s.io/metrics-server"]
            official = f"registry.k8s.io/metrics-server/metrics-server:{version}"
            cluster.add_ons(official, OFFICIAL_METRICS_SERVER)
        cluster.wait_until_ready()
        self.progress.say(
            f"cluster `{shape.name}` is up ({format_seconds(time.monotonic() - started)}): "
            f"export KUBECONFIG={cluster.kubeconfig}"
        )
        return cluster

    def _nodes(
        self,
        cluster: Cluster,
        shape: Shape,
        image: NodeImage,
        facts: HostFacts,
        *,
        workers: int | None,
        replace: bool,
    ) -> None:
        there = cluster.nodes()
        if any(not node.is_ours for node in there):
            raise Refusal(
                f"a cluster `{shape.name}` is there that devcluster did not make: choose another "
                "--name"
            )
        if there and workers is None:
            shape = replace_fields(shape, workers=len(there) - 1)
        if self._has_to_go(cluster, 1 + shape.workers, image, may_replace=replace):
            with self.progress.step(f"replacing a cluster of {len(there)} nodes"):
                cluster.delete()
            there = ()
        if not there:
            cluster.create(
                shape, image.name, own_network=image.is_built, cgroup_version=facts.cgroup_version
            )

    def _has_to_go(
        self, cluster: Cluster, wanted: int, image: NodeImage, *, may_replace: bool
    ) -> bool:
        """Say whether the nodes that are there have to be made anew; never without leave.

        Raises:
            Refusal: They would have to, and `--replace` was not given.
        """
        there = cluster.nodes()
        if not there:
            return False
        if len(there) != wanted:
            trouble = f"has {len(there)} nodes and {wanted} were asked for"
        elif any(node.image != image.name for node in there) and may_replace:
            return True
        elif not self._is_back(cluster):
            trouble = "has nodes, but its API does not answer"
        else:
            if any(node.image != image.name for node in there):
                self.progress.say("the nodes run an older node image: --replace renews them")
            return False
        if not may_replace:
            raise Refusal(
                f"cluster `{cluster.name}` {trouble}: `devcluster up --replace` makes it anew "
                "(what it holds is lost)"
            )
        return True

    def _is_back(self, cluster: Cluster) -> bool:
        if all(node.is_running for node in cluster.nodes()) and cluster.answers():
            return True
        with self.progress.step("starting stopped nodes"):
            return cluster.restart()

    def _check_ports(self, shape: Shape) -> None:
        wanted = [port for port in (shape.api_port, *(host for host, _ in shape.publish)) if port]
        for port in wanted:
            if not is_port_free(port):
                raise Refusal(
                    f"port {port} is used by another program (`ss -ltnp sport = :{port}` shows "
                    "which): end that program or choose another port"
                )

    def _node_image(self, engine: Engine, way: Way) -> NodeImage:
        built = built_tag(self.pins, self.places, way.without_capabilities)
        if engine.has_image(built):
            self.progress.say(f"node image: {built}, built here earlier")
            return NodeImage(built, is_built=True)
        official = self.pins.node_image
        if engine.has_image(official):
            return NodeImage(official, is_built=False)
        if not way.without_capabilities and self._pull(engine, official):
            self.progress.say(f"node image: {official}, pulled")
            return NodeImage(official, is_built=False)
        why = (
            "this machine cannot grant every capability, which kind's own needs"
            if way.without_capabilities
            else f"{official} cannot be pulled"
        )
        self.progress.say(f"node image: building {built}, because {why} (about 10 minutes, once)")
        self._build_node_image(engine, way)
        return NodeImage(built, is_built=True)

    def _pull(self, engine: Engine, image: str) -> bool:
        with self.progress.step(f"pulling {image}"):
            return engine.succeeds("pull", image, timeout=1800)

    def _build_node_image(self, engine: Engine, way: Way) -> None:
        """Compile and prepare Debian at the same time: one waits for the cores, one for the net."""
        with self.progress.step("debootstrap") as step:
            debian.ensure_debootstrap(self.places, step.show)
        go = GoBuild(find_go(self.pins, self.places, self.progress), self.places)
        build = NodeImageBuild(
            engine, self.pins, self.places, self.progress, way.without_capabilities
        )
        with ThreadPoolExecutor(max_workers=2) as lanes:
            compiled = lanes.submit(self._compile, go)
            prepared = lanes.submit(build.prepare)
            prepared.result()
            compiled.result()
        build.finish(go)

    def _compile(self, go: GoBuild) -> None:
        for name in NODE_PARTS:
            part = self.pins.parts[name]
            if not builds.is_built(part, self.places):
                with self.progress.step(f"compiling {name}") as step:
                    go.build(part, step.show)

    def _leave_nothing_half_made(self, cluster: Cluster) -> None:
        """An engine without a cluster would be a process that nobody asked for."""
        if cluster.engine.is_private and not cluster.engine("ps", "--all", "--quiet").split():
            private_engine.stop(self.places)
