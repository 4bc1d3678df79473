"""Makes the image that nodes run: kind's own where it can be pulled, else one built here.

The built one holds Debian packages, kind's own files (read from its Go module), programs built
from Go modules, and the control plane's images, already imported.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from devcluster import builds, debian
from devcluster.builds import GoBuild
from devcluster.engine import Engine
from devcluster.pins import Pins, package_file
from devcluster.places import Places
from devcluster.progress import Progress

__all__ = ["NODE_PARTS", "NodeImageBuild", "addon_image", "base_tag", "built_tag"]

NODE_PARTS = ("kind", "cluster", "storage")
NODE_PROGRAMS = ("kubeadm", "kubelet", "kubectl")
LABEL = "dev.leadsman.devcluster"


def base_tag(suite: str) -> str:
    """Return the name of the Debian image that builds start from."""
    return f"leadsman-dev/debian:{suite}"


def addon_image(pins: Pins, program: str) -> str:
    """Return the name of an add-on's image in a built node."""
    modules = pins.parts["storage"].modules | pins.parts["cluster"].modules
    version = next(version for path, version in modules.items() if path.endswith(f"/{program}"))
    return f"leadsman-dev/{program}:{version}"


def control_plane_images(pins: Pins) -> dict[str, str]:
    """Return image name → program, by the names that kubeadm and the add-ons ask for."""
    components = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    return {
        **{f"registry.k8s.io/{name}:{pins.kubernetes}": name for name in components},
        f"registry.k8s.io/etcd:{pins.etcd_tag}": "etcd",
        f"registry.k8s.io/coredns/coredns:{pins.coredns_tag}": "coredns",
        f"registry.k8s.io/pause:{pins.pause}": "pause",
        addon_image(pins, "metrics-server"): "metrics-server",
        addon_image(pins, "local-path-provisioner"): "local-path-provisioner",
    }


def built_tag(pins: Pins, places: Places, without: tuple[str, ...]) -> str:
    """Return the name of the node image that would be built here; its tag is its content's key."""
    digest = hashlib.sha256(json.dumps([without, pins.debian_node, pins.mirror]).encode())
    for name in NODE_PARTS:
        digest.update(builds.part_folder(pins.parts[name], places).name.encode())
    for file in (*sorted(package_file("files").iterdir()), package_file("manifests/storage.yaml")):
        digest.update(file.read_bytes())
    digest.update(IMPORT.encode() + json.dumps(control_plane_images(pins)).encode())
    return f"leadsman-dev/node:{digest.hexdigest()[:12]}"


class NodeImageBuild:
    """Builds the node image; every step that is done already is skipped."""

    def __init__(
        self,
        engine: Engine,
        pins: Pins,
        places: Places,
        progress: Progress,
        without: tuple[str, ...],
    ) -> None:
        """Take the engine that builds and holds the image, and what the host cannot grant."""
        self._engine = engine
        self._pins = pins
        self._places = places
        self._progress = progress
        self._without = without
        self._base = base_tag(pins.debian_node)
        self._tag = built_tag(pins, places, without)
        self._context = places.work / "node"

    def prepare(self) -> None:
        """Do what needs no compiled program: the Debian base and the packages of a node.

        Raises:
            CommandFailed: debootstrap or apt failed.
        """
        if not self._engine.has_image(self._base):
            with self._progress.step(f"Debian {self._pins.debian_node} root file system") as step:
                debian.import_base(
                    self._engine,
                    self._places,
                    suite=self._pins.debian_node,
                    mirror=self._pins.mirror,
                    tag=self._base,
                    on_line=step.show,
                )
        with self._progress.step("packages of a node and of kube-proxy"):
            empty = self._places.work / "empty"
            empty.mkdir(parents=True, exist_ok=True)
            for name, target in (("node", "packages"), ("kube-proxy", "packages")):
                self._engine.build(
                    empty,
                    f"leadsman-dev/{name}-packages",
                    dockerfile=package_file(f"files/{name}.Dockerfile"),
                    target=target,
                    arguments={"BASE": self._base},
                    log=self._places.logs / f"{name}-packages.log",
                )

    def finish(self, go: GoBuild) -> str:
        """Put the programs in; returns the image's name.

        Raises:
            CommandFailed: A build or the import of the images failed.
        """
        kind = go.module_folder(self._pins.parts["kind"], "sigs.k8s.io/kind")
        with self._progress.step("images of the control plane"):
            archive = self._save_control_plane()
        with self._progress.step("node image"):
            self._stage(kind)
            bare = f"{self._tag}-bare"
            self._engine.build(
                self._context,
                bare,
                dockerfile=package_file("files/node.Dockerfile"),
                arguments={
                    "BASE": self._base,
                    "KUBERNETES": self._pins.kubernetes,
                    "PAUSE": self._pins.pause,
                },
                log=self._places.logs / "node.log",
            )
        with self._progress.step("control plane's images into the node image"):
            self._import_and_commit(bare, archive)
        shutil.rmtree(self._context)
        archive.unlink()
        self._remove_older()
        return self._tag

    def _remove_older(self) -> None:
        """Images of earlier versions take more than a gigabyte each; those in use stay."""
        names = self._engine("images", "--format", "{{.Repository}}:{{.Tag}}", "leadsman-dev/node")
        for name in names.split():
            if name != self._tag:
                self._engine.succeeds("image", "rm", name)

    def _program(self, name: str) -> Path:
        folders = [builds.part_folder(self._pins.parts[part], self._places) for part in NODE_PARTS]
        return next(folder / name for folder in folders if (folder / name).exists())

    def _save_control_plane(self) -> Path:
        template = package_file("files/program.Dockerfile").read_text()
        context = self._places.work / "program"
        images = control_plane_images(self._pins)
        for image, program in images.items():
            shutil.rmtree(context, ignore_errors=True)
            context.mkdir(parents=True)
            (context / program).hardlink_to(self._program(program))
            dockerfile = context / "Dockerfile"
            if program == "kube-proxy":
                dockerfile.write_text(package_file("files/kube-proxy.Dockerfile").read_text())
            else:
                dockerfile.write_text(template.replace("@PROGRAM@", program))
            self._engine.build(
                context,
                image,
                arguments={"BASE": self._base},
                log=self._places.logs / f"image-{program}.log",
            )
        archive = self._places.work / "control-plane.tar"
        self._engine("save", "--output", str(archive), *images)
        self._engine("image", "rm", *images)
        return archive

    def _stage(self, kind: Path) -> None:
        shutil.rmtree(self._context, ignore_errors=True)
        (self._context / "programs").mkdir(parents=True)
        (self._context / "node").mkdir()
        for name in NODE_PROGRAMS:
            (self._context / "programs" / name).hardlink_to(self._program(name))
        shutil.copytree(kind / "images" / "base" / "files", self._context / "kind")
        shutil.rmtree(self._context / "kind" / "LICENSES", ignore_errors=True)
        for name in ("pod-network.sh", "pod-network.service"):
            shutil.copy(package_file(f"files/{name}"), self._context / "node" / name)
        script = package_file("files/runc-within-capabilities.sh").read_text()
        script = script.replace("@MISSING@", json.dumps(self._without))
        (self._context / "node" / "runc").write_text(script.replace("@RUNC@", "/usr/sbin/runc"))
        storage = package_file("manifests/storage.yaml").read_text()
        helper = f"registry.k8s.io/kube-proxy:{self._pins.kubernetes}"
        storage = storage.replace("@HELPER_IMAGE@", helper)
        provisioner = addon_image(self._pins, "local-path-provisioner")
        storage = storage.replace("@PROVISIONER_IMAGE@", provisioner)
        (self._context / "storage.yaml").write_text(storage)

    def _import_and_commit(self, bare: str, archive: Path) -> None:
        """Import needs mounts, which a build may not do: a privileged container does it."""
        name = "leadsman-node-image"
        self._engine("rm", "--force", "--volumes", name)
        self._engine(
            "run",
            "--detach",
            "--privileged",
            "--name",
            name,
            "--label",
            LABEL,
            "--volume",
            f"{archive}:/images.tar:ro",
            "--entrypoint",
            "/bin/bash",
            bare,
            "-c",
            "exec sleep infinity",
        )
        try:
            self._engine("exec", name, "bash", "-c", IMPORT)
            self._engine(
                "commit",
                "--change",
                f"LABEL {LABEL}=true",
                "--change",
                'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]',
                "--change",
                "CMD []",
                name,
                self._tag,
            )
        finally:
            self._engine("rm", "--force", "--volumes", name)
        self._engine("image", "rm", bare)


IMPORT = """
set -euo pipefail
containerd --log-level warn >/dev/null 2>&1 & server=$!
for _ in $(seq 100); do ctr version >/dev/null 2>&1 && break; read -rt 0.1 <> <(:) || true; done
ctr --namespace k8s.io images import --no-unpack /images.tar
kill "$server"
wait "$server" || true
rm -rf /run/containerd
"""
