"""Decides from facts how a cluster is brought up on this machine, and says why.

Pure: no input or output. `up` prints every decision along with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from devcluster.errors import Refusal
from devcluster.host import HostFacts

__all__ = ["EngineKind", "Way", "check_disk", "debian_packages", "decide_way"]

GIB = 1024**3
COLD_BYTES = 12 * GIB
WARM_BYTES = 3 * GIB

PACKAGE_OF = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "jq": "jq",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
}


class EngineKind(StrEnum):
    """Whose engine runs the nodes."""

    USERS = "the user's engine"
    PRIVATE = "a private engine"


@dataclass(frozen=True, slots=True)
class Way:
    """How the cluster is brought up here."""

    engine: EngineKind
    install: tuple[str, ...]
    """Debian packages to install first."""
    without_capabilities: tuple[str, ...]
    reasons: tuple[str, ...]
    """A sentence for each decision."""


def debian_packages(facts: HostFacts) -> tuple[str, ...]:
    """Return the Debian packages that bring what this machine lacks for a private engine."""
    packages = dict.fromkeys(PACKAGE_OF[program] for program in facts.missing_programs)
    if "docker.io" in packages:
        packages |= dict.fromkeys(facts.companion_packages)
    return tuple(packages)


def decide_way(facts: HostFacts) -> Way:
    """Choose the engine, what has to be installed, and which capabilities to do without.

    Raises:
        Refusal: This machine cannot run the cluster as it is.
    """
    if facts.engine_version and not facts.has_private_engine:
        reason = f"engine: the one that `docker` reaches ({facts.engine_version}), nothing to start"
        return Way(EngineKind.USERS, (), (), (reason,))
    if facts.missing_kernel_features:
        lacking = ", ".join(facts.missing_kernel_features)
        raise Refusal(
            f"this kernel lacks {lacking}: load the module or use a kernel that has it "
            "(Debian's and Ubuntu's stock kernels do)"
        )
    return _private_way(facts)


def _private_way(facts: HostFacts) -> Way:
    packages = debian_packages(facts)
    if packages and not (facts.is_root and facts.has_apt):
        raise Refusal(_how_to_install(facts, packages))
    if not facts.is_root:
        raise Refusal(
            f"no engine answers ({facts.engine_trouble}) and only root can start one: run this as "
            "root (`sudo -E env PATH=$PATH devcluster up`), or start Docker"
        )
    reasons = [f"engine: a private one of Debian's, because {facts.engine_trouble or 'it runs'}"]
    if packages:
        reasons.append(f"packages: installing {' '.join(packages)}, which this machine lacks")
    if facts.missing_capabilities:
        lacking = ", ".join(facts.missing_capabilities)
        reasons.append(f"containers: started without {lacking}, which this machine cannot grant")
    return Way(EngineKind.PRIVATE, packages, facts.missing_capabilities, tuple(reasons))


def _how_to_install(facts: HostFacts, packages: tuple[str, ...]) -> str:
    names = " ".join(packages)
    if facts.has_apt:
        return (
            f"no engine answers ({facts.engine_trouble}) and this machine lacks {names}: run "
            f"`sudo apt-get update && sudo apt-get install -y --no-install-recommends {names}`, "
            "then `devcluster up` as root; or start Docker"
        )
    return (
        f"no engine answers ({facts.engine_trouble}) and there is no apt-get to install one: "
        "install Docker (https://docs.docker.com/engine/install/) and start it"
    )


def check_disk(facts: HostFacts, *, cold: bool) -> None:
    """Refuse before anything is begun if the disk would fill up.

    Raises:
        Refusal: Less is free than a cold or a warm start needs.
    """
    needed = COLD_BYTES if cold else WARM_BYTES
    if facts.free_bytes < needed:
        raise Refusal(
            f"only {facts.free_bytes / GIB:.1f} GiB are free where the cache lies, "
            f"{needed // GIB} GiB are needed: free some, or set LEADSMAN_CACHE to a folder on "
            "another disk"
        )
