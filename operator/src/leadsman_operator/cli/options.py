"""Options that several commands have, as kubectl has them."""

from __future__ import annotations

import argparse

_SUPPRESS = argparse.SUPPRESS
"""Given before the command or after it: what is not given must not hide what was."""


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """Which cluster and namespace."""
    group = parser.add_argument_group("cluster")
    group.add_argument(
        "-n", "--namespace", default=_SUPPRESS, help="namespace (default: the context's)"
    )
    group.add_argument("--context", default=_SUPPRESS, help="context of the kubeconfig")
    group.add_argument(
        "--kubeconfig", default=_SUPPRESS, metavar="FILE",
        help="kubeconfig (default: KUBECONFIG, then ~/.kube/config, then the pod's account)",
    )  # fmt: skip


def add_name(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """The ModelDeployment that is meant."""
    parser.add_argument(
        "name", metavar="NAME", nargs="?" if optional else None, type=_name,
        help="name of the ModelDeployment, also as md/NAME",
    )  # fmt: skip


def _name(given: str) -> str:
    kind, slash, name = given.rpartition("/")
    if slash and kind not in ("md", "modeldeployment", "modeldeployments"):
        raise argparse.ArgumentTypeError(
            f"{given!r} is no ModelDeployment: write md/{name} or {name}"
        )
    return name


def add_output(parser: argparse.ArgumentParser) -> None:
    """In which form."""
    parser.add_argument(
        "-o", "--output", choices=("text", "json", "yaml"), default="text",
        help="text for people (default), json or yaml for programs",
    )  # fmt: skip
