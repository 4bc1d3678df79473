"""Options that several commands have, as kubectl has them."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from leadsman_operator.cli.session import KIND, RUN_KIND

_SUPPRESS = argparse.SUPPRESS
"""Given before the command or after it: what is not given must not hide what was."""
_KINDS = {
    **dict.fromkeys(("md", "modeldeployment", "modeldeployments"), KIND),
    **dict.fromkeys(("tr", "trainingrun", "trainingruns"), RUN_KIND),
}


class Named(NamedTuple):
    """A resource as a command line names it."""

    kind: str
    name: str


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
    kind, name = _kind_and_name(given)
    if kind != KIND:
        raise argparse.ArgumentTypeError(
            f"{given!r} is no ModelDeployment: write md/{name} or {name}"
        )
    return name


def _kind_and_name(given: str) -> tuple[str | None, str]:
    """A name without a kind is one of a ModelDeployment; None for a kind that is not there."""
    kind, slash, name = given.rpartition("/")
    return (_KINDS.get(kind) if slash else KIND), name


def add_resource(parser: argparse.ArgumentParser) -> None:
    """The ModelDeployment or TrainingRun that is meant."""
    parser.add_argument(
        "resource", metavar="NAME", type=_resource,
        help="name of the ModelDeployment, also as md/NAME; of a TrainingRun as tr/NAME",
    )  # fmt: skip


def _resource(given: str) -> Named:
    kind, name = _kind_and_name(given)
    if kind is None:
        raise argparse.ArgumentTypeError(
            f"{given!r} is no ModelDeployment and no TrainingRun: write md/{name} or tr/{name}"
        )
    return Named(kind, name)


def add_output(parser: argparse.ArgumentParser) -> None:
    """In which form."""
    parser.add_argument(
        "-o", "--output", choices=("text", "json", "yaml"), default="text",
        help="text for people (default), json or yaml for programs",
    )  # fmt: skip
