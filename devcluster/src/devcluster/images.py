"""Builds the project's own images, and those of the demo's stack, with the engine's BuildKit."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from devcluster import builds, commands
from devcluster.bases import DEBIAN, PYTHON, Bases
from devcluster.builds import GoBuild
from devcluster.engine import Engine
from devcluster.errors import Refusal
from devcluster.pins import Pins
from devcluster.places import Places
from devcluster.progress import Progress
from devcluster.toolchain import find_go

__all__ = ["IMAGES", "Image", "ImageBuild", "choose"]

STACK = "charts/leadsman-stack/images"
CONTOUR = "github.com/projectcontour/contour"


@dataclass(frozen=True, slots=True)
class Image:
    """One image: what it is called, where its Dockerfile lies and what it is built from."""

    short: str
    """What `devcluster images --only` calls it."""
    repository: str
    folder: str
    """The Dockerfile's, from the top of the checkout."""
    base: str
    context: str = "."
    """What enters the build, from the top of the checkout; `.dockerignore` narrows it."""
    part: str = ""
    """The Go part whose programs enter the build instead."""
    files: tuple[tuple[str, str], ...] = ()
    """Files of the part's modules that enter the build too: module, and path in it."""
    is_optional: bool = False
    """Whether it is built only where it is named."""
    is_of_commit: bool = False
    """Whether the commit is written into it, which makes it another image at every commit."""


IMAGES = (
    Image("operator", "leadsman/operator", "operator", PYTHON, is_of_commit=True),
    Image("serving", "leadsman/serving", "serving-runtime", PYTHON, is_of_commit=True),
    Image("training", "leadsman/training", "training-jobs", PYTHON, is_of_commit=True),
    Image("mlflow", "leadsman-stack/mlflow", f"{STACK}/mlflow", PYTHON),
    Image(
        "optuna-dashboard", "leadsman-stack/optuna-dashboard", f"{STACK}/optuna-dashboard", PYTHON,
        is_optional=True,
    ),
    Image(
        "postgresql", "leadsman-stack/postgresql", f"{STACK}/postgresql", DEBIAN,
        context=f"{STACK}/postgresql",
    ),
    Image(
        "prometheus", "leadsman-stack/prometheus", f"{STACK}/prometheus", DEBIAN, part="prometheus"
    ),
    Image(
        "gateway", "leadsman-stack/gateway", f"{STACK}/gateway", PYTHON, part="contour",
        files=(
            (CONTOUR, "examples/gateway/00-crds.yaml"),
            (CONTOUR, "examples/contour/01-crds.yaml"),
        ),
    ),
)  # fmt: skip


def choose(shorts: tuple[str, ...]) -> tuple[Image, ...]:
    """Return the images of these short names in the order of building; for none all but
    the optional ones.

    Raises:
        Refusal: A name is not one of them.
    """
    known = [image.short for image in IMAGES]
    for short in shorts:
        if short not in known:
            raise Refusal(f"there is no image `{short}`: choose from {', '.join(known)}")
    if not shorts:
        return tuple(image for image in IMAGES if not image.is_optional)
    return tuple(image for image in IMAGES if image.short in shorts)


@dataclass(frozen=True, slots=True)
class ImageBuild:
    """Builds images of a checkout with one engine."""

    engine: Engine
    pins: Pins
    places: Places
    progress: Progress

    def run(self, checkout: Path, tag: str, images: tuple[Image, ...]) -> tuple[str, ...]:
        """Build images of a checkout; returns their names.

        Raises:
            Refusal: The folder is not a checkout of the project.
            CommandFailed: A build failed; its log is named.
        """
        missing = [i.folder for i in images if not (checkout / i.folder / "Dockerfile").exists()]
        if missing:
            raise Refusal(
                f"{checkout} has no {missing[0]}/Dockerfile: run this at the top of a checkout, "
                "or name it with --checkout"
            )
        bases = Bases(self.engine, self.pins, self.places, self.progress)
        for base in sorted({image.base for image in images}):
            bases.ensure(base)
        revision = commands.attempt(
            ["git", "-C", str(checkout), "rev-parse", "HEAD"]
        ).stdout.strip()
        with ThreadPoolExecutor(max_workers=2) as lanes:
            jobs = [
                lanes.submit(self._build, checkout, image, tag, revision or "unknown")
                for image in images
            ]
            return tuple(job.result() for job in jobs)

    def _build(self, checkout: Path, image: Image, tag: str, revision: str) -> str:
        name = f"{image.repository}:{tag}"
        context = self._stage(image) if image.part else checkout / image.context
        with self.progress.step(f"image {name}") as step:
            self.engine.build(
                context,
                name,
                dockerfile=checkout / image.folder / "Dockerfile",
                arguments={"REVISION": revision} if image.is_of_commit else {},
                log=self.places.logs / f"image-{image.short}.log",
                on_line=step.show,
            )
        return name

    def _stage(self, image: Image) -> Path:
        """Return a folder that holds the programs of the image's part, compiled if need be, and
        files of its modules.
        """
        part = self.pins.parts[image.part]
        if not builds.is_built(part, self.places):
            go = GoBuild(find_go(self.pins, self.places, self.progress), self.places)
            with self.progress.step(f"compiling {part.name}") as step:
                go.build(part, step.show)
        context = self.places.work / f"image-{image.short}"
        shutil.rmtree(context, ignore_errors=True)
        context.mkdir(parents=True)
        for program in builds.part_folder(part, self.places).iterdir():
            (context / program.name).hardlink_to(program)
        for module, path in image.files:
            go = GoBuild(find_go(self.pins, self.places, self.progress), self.places)
            shutil.copy(go.module_folder(part, module) / path, context)
        return context
