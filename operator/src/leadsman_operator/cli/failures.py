"""How a command fails: a sentence that says what to do instead, and an exit code."""

from __future__ import annotations

from collections.abc import Sequence

FAILED, USAGE = 1, 2
_MOST_NAMES = 10


class Failure(Exception):
    """The command can't do what it was asked for."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        """Keep the exit code too."""
        super().__init__(message)
        self.code = code


def not_there(kind: str, name: str, namespace: str, names: Sequence[str]) -> Failure:
    """No resource of this name: tell which there are."""
    if not names:
        instead = "there is none in this namespace: give another with -n, or see all with -A"
        return Failure(f"no {kind} {name} in namespace {namespace}: {instead}")
    shown = ", ".join(sorted(names)[:_MOST_NAMES])
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return Failure(f"no {kind} {name} in namespace {namespace}: there are {shown}{more}")


def refused(sentence: str) -> Failure:
    """The API server says no; its sentence names who may not do what."""
    if "is forbidden" in sentence:
        return Failure(
            f"{sentence}\nAn administrator can grant it: the chart's ClusterRoles are"
            " leadsman-viewer and leadsman-editor."
        )
    if "no place for" in sentence:
        return Failure(
            f"{sentence}\nInstall Leadsman's resources first:"
            " helm upgrade --install leadsman-crds charts/leadsman-crds"
        )
    return Failure(sentence)


def unreachable(sentence: str) -> Failure:
    """Nobody answers."""
    return Failure(
        f"{sentence}\nCheck the cluster with `kubectl version`, or give another one with"
        " --context or --kubeconfig."
    )
