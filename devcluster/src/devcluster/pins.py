"""The pinned versions of `versions.toml`, read once into frozen values."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

__all__ = ["Part", "Pins", "Tool", "load_pins", "package_file"]


@dataclass(frozen=True, slots=True)
class Part:
    """Programs that are built together from one Go module of ours."""

    name: str
    folder: str
    programs: tuple[str, ...]
    modules: dict[str, str]
    """Module path and version; the folder's go.mod asks for the same."""
    rename: dict[str, str] = field(default_factory=dict)
    stamps: dict[str, str] = field(default_factory=dict)
    """Variables that the linker sets."""
    tags: tuple[str, ...] = ()
    """Build tags, which choose what is compiled in."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A command-line program: which part builds it, and which versions of it will do."""

    name: str
    part: str
    ask: tuple[str, ...]
    accept: str


@dataclass(frozen=True, slots=True)
class Pins:
    """Every pinned version."""

    kubernetes: str
    pause: str
    coredns_tag: str
    etcd_tag: str
    node_image: str
    debian_node: str
    debian_python: str
    mirror: str
    go_minimum: str
    go_wheel: str
    parts: dict[str, Part]
    tools: dict[str, Tool]


def package_file(name: str) -> Path:
    """Path of a file that is installed along with this package."""
    return Path(str(files("devcluster"))) / name


def _part(name: str, entry: dict[str, Any]) -> Part:
    lists = {key: tuple(entry.get(key, ())) for key in ("programs", "tags")}
    return Part(name=name, **{**entry, **lists})


def load_pins() -> Pins:
    """Read `versions.toml`."""
    table = tomllib.loads(package_file("versions.toml").read_text())
    return Pins(
        kubernetes=table["kubernetes"]["version"],
        pause=table["kubernetes"]["pause"],
        coredns_tag=table["kubernetes"]["coredns"],
        etcd_tag=table["kubernetes"]["etcd"],
        node_image=table["kubernetes"]["node_image"],
        debian_node=table["debian"]["node"],
        debian_python=table["debian"]["python"],
        mirror=table["debian"]["mirror"],
        go_minimum=table["go"]["minimum"],
        go_wheel=table["go"]["wheel"],
        parts={name: _part(name, entry) for name, entry in table["part"].items()},
        tools={
            name: Tool(name=name, **{**entry, "ask": tuple(entry["ask"])})
            for name, entry in table["tool"].items()
        },
    )
