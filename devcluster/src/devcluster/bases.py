"""The public images that ours start from: pulled, or made here from Debian's packages, once."""

from __future__ import annotations

from dataclasses import dataclass

from devcluster import debian
from devcluster.engine import Engine
from devcluster.node_image import base_tag
from devcluster.pins import Pins, package_file
from devcluster.places import Places
from devcluster.progress import Progress

__all__ = ["DEBIAN", "PYTHON", "Bases"]

DEBIAN = "debian:trixie-slim"
PYTHON = "python:3.13-slim-trixie"


@dataclass(frozen=True, slots=True)
class Bases:
    """Brings base images to one engine."""

    engine: Engine
    pins: Pins
    places: Places
    progress: Progress

    def ensure(self, image: str) -> None:
        """Make sure that the engine has a base image.

        Raises:
            Refusal: It can be neither pulled nor made on this machine.
            CommandFailed: Making it failed.
        """
        if self.engine.has_image(image):
            return
        with self.progress.step(f"pulling {image}"):
            if self.engine.succeeds("pull", image, timeout=1800):
                return
        self.progress.say(f"{image} cannot be pulled: making it from Debian's packages, once")
        self._ensure_root()
        if image == PYTHON:
            self._make_python()
        else:
            self.engine("tag", base_tag(self.pins.debian_python), image)

    def _ensure_root(self) -> None:
        with self.progress.step("debootstrap") as step:
            debian.ensure_debootstrap(self.places, step.show)
        suite = self.pins.debian_python
        if self.engine.has_image(base_tag(suite)):
            return
        with self.progress.step(f"Debian {suite} root file system") as step:
            debian.import_base(
                self.engine,
                self.places,
                suite=suite,
                mirror=self.pins.mirror,
                tag=base_tag(suite),
                on_line=step.show,
            )

    def _make_python(self) -> None:
        with self.progress.step("Python 3.13 of Debian"):
            empty = self.places.work / "empty"
            empty.mkdir(parents=True, exist_ok=True)
            self.engine.build(
                empty,
                PYTHON,
                dockerfile=package_file("files/python.Dockerfile"),
                arguments={"BASE": base_tag(self.pins.debian_python)},
                log=self.places.logs / "python.log",
            )
