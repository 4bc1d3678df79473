"""Which images are built, and from what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devcluster.builds import part_folder
from devcluster.errors import Refusal
from devcluster.images import IMAGES, Image, choose
from devcluster.pins import load_pins
from devcluster.places import find_places
from support.repository import ROOT

PINS = load_pins()


def test_all_images_are_built_unless_some_are_named() -> None:
    """Nothing named means all but the optional; named ones come in order, each once."""
    left_out = {image.short for image in IMAGES} - {image.short for image in choose(())}
    assert left_out == {"optuna-dashboard"}
    assert [image.short for image in choose(("optuna-dashboard",))] == ["optuna-dashboard"]
    assert [image.short for image in choose(("serving", "operator", "serving"))] == [
        "operator",
        "serving",
    ]


def test_an_unknown_image_is_told_the_known_ones() -> None:
    """A misspelt name is refused with the names that there are."""
    with pytest.raises(Refusal, match=r"no image `mlfow`: choose from operator, .*, gateway"):
        choose(("operator", "mlfow"))


@pytest.mark.parametrize("image", IMAGES, ids=[image.short for image in IMAGES])
def test_an_image_is_built_from_what_is_there(image: Image) -> None:
    """Dockerfile, context and Go part exist, and the base is the Dockerfile's default."""
    recipe = (ROOT / image.folder / "Dockerfile").read_text()
    programs = PINS.parts[image.part].programs if image.part else ()

    assert f"ARG BASE={image.base}\n" in recipe
    assert (ROOT / image.context).is_dir()
    assert all(f"COPY {program.rpartition('/')[2]} " in recipe for program in programs)


def test_build_tags_are_a_part_of_a_programs_key() -> None:
    """With other tags it is another program, which is compiled anew."""
    part = PINS.parts["prometheus"]
    places = find_places()

    assert part.tags == ("remove_all_sd", "enable_kubernetes_sd")
    assert part_folder(replace(part, tags=()), places) != part_folder(part, places)
