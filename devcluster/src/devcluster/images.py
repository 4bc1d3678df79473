"""Builds the project's own images with the engine's BuildKit, on a base that is pulled or made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from devcluster import commands, debian
from devcluster.engine import Engine
from devcluster.errors import Refusal
from devcluster.node_image import base_tag
from devcluster.pins import Pins, package_file
from devcluster.places import Places
from devcluster.progress import Progress

__all__ = ["ImageBuild"]

PYTHON = "python:3.13-slim-trixie"
FOLDERS = {"operator": "operator", "serving": "serving-runtime", "training": "training-jobs"}


def image_names(tag: str) -> tuple[str, ...]:
    """Return the names of the project's images."""
    return tuple(f"leadsman/{name}:{tag}" for name in FOLDERS)


@dataclass(frozen=True, slots=True)
class ImageBuild:
    """Builds images of a checkout with one engine."""

    engine: Engine
    pins: Pins
    places: Places
    progress: Progress

    def run(self, checkout: Path, tag: str) -> tuple[str, ...]:
        """Build every deployable of a checkout; returns the images' names.

        Raises:
            Refusal: The folder is not a checkout of the project.
            CommandFailed: A build failed; its log is named.
        """
        missing = [f for f in FOLDERS.values() if not (checkout / f / "Dockerfile").exists()]
        if missing:
            raise Refusal(
                f"{checkout} has no {missing[0]}/Dockerfile: run this at the top of a checkout, "
                "or name it with --checkout"
            )
        self._ensure_base()
        revision = commands.attempt(
            ["git", "-C", str(checkout), "rev-parse", "HEAD"]
        ).stdout.strip()
        with ThreadPoolExecutor(max_workers=2) as lanes:
            jobs = [
                lanes.submit(self._build, checkout, folder, f"leadsman/{name}:{tag}", revision)
                for name, folder in FOLDERS.items()
            ]
            for job in jobs:
                job.result()
        return image_names(tag)

    def _build(self, checkout: Path, folder: str, image: str, revision: str) -> None:
        with self.progress.step(f"image {image}") as step:
            self.engine.build(
                checkout,
                image,
                dockerfile=checkout / folder / "Dockerfile",
                arguments={"REVISION": revision or "unknown"},
                log=self.places.logs / f"image-{folder}.log",
                on_line=step.show,
            )

    def _ensure_base(self) -> None:
        if self.engine.has_image(PYTHON):
            return
        with self.progress.step(f"pulling {PYTHON}"):
            if self.engine.succeeds("pull", PYTHON, timeout=1800):
                return
        self.progress.say(f"{PYTHON} cannot be pulled: making it from Debian's packages, once")
        with self.progress.step("debootstrap") as step:
            debian.ensure_debootstrap(self.places, step.show)
        suite = self.pins.debian_python
        if not self.engine.has_image(base_tag(suite)):
            with self.progress.step(f"Debian {suite} root file system") as step:
                debian.import_base(
                    self.engine,
                    self.places,
                    suite=suite,
                    mirror=self.pins.mirror,
                    tag=base_tag(suite),
                    on_line=step.show,
                )
        with self.progress.step("Python 3.13 of Debian"):
            empty = self.places.work / "empty"
            empty.mkdir(parents=True, exist_ok=True)
            self.engine.build(
                empty,
                PYTHON,
                dockerfile=package_file("files/python.Dockerfile"),
                arguments={"BASE": base_tag(suite)},
                log=self.places.logs / "python.log",
            )
