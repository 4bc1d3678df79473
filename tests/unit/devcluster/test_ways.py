"""How a cluster is brought up is decided from facts alone, and refusals say what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devcluster.errors import Refusal
from devcluster.host import HostFacts, missing_capabilities
from devcluster.ways import GIB, EngineKind, check_disk, decide_way

BARE = HostFacts(
    is_root=True,
    has_apt=True,
    engine_version=None,
    engine_trouble="there is no docker client",
    has_private_engine=False,
    missing_programs=("dockerd", "docker", "jq"),
    companion_packages=(),
    missing_capabilities=("CAP_SYS_RESOURCE",),
    missing_kernel_features=(),
    cgroup_version=1,
    free_bytes=40 * GIB,
)
LAPTOP = replace(
    BARE, is_root=False, engine_version="28.2.2", engine_trouble="", missing_capabilities=()
)


def test_an_engine_that_answers_is_used() -> None:
    """Nothing is installed or started where a docker client reaches an engine."""
    way = decide_way(LAPTOP)

    assert (way.engine, way.install, way.without_capabilities) == (EngineKind.USERS, (), ())
    assert "28.2.2" in way.reasons[0]


def test_a_bare_machine_gets_a_private_engine() -> None:
    """Root on Debian installs what lacks, starts an engine, and does without capabilities."""
    way = decide_way(BARE)

    assert way.engine is EngineKind.PRIVATE
    assert way.install == ("docker.io", "jq")
    assert way.without_capabilities == ("CAP_SYS_RESOURCE",)
    assert [reason.partition(":")[0] for reason in way.reasons] == [
        "engine",
        "packages",
        "containers",
    ]


def test_newer_releases_keep_the_client_apart() -> None:
    """Debian 13 has client and BuildKit in packages of their own; Debian 12 must not be asked."""
    facts = replace(BARE, companion_packages=("docker-cli", "docker-buildx"))

    assert decide_way(facts).install == ("docker.io", "jq", "docker-cli", "docker-buildx")


def test_a_private_engine_that_runs_is_kept() -> None:
    """A client that happens to reach our own engine does not make it the user's."""
    facts = replace(BARE, engine_version="20.10", has_private_engine=True, missing_programs=())

    assert decide_way(facts).engine is EngineKind.PRIVATE


@pytest.mark.parametrize(
    ("facts", "fragments"),
    [
        pytest.param(
            replace(BARE, is_root=False),
            ("apt-get install -y --no-install-recommends docker.io jq", "as root"),
            id="not root and packages are missing: the exact command",
        ),
        pytest.param(
            replace(BARE, is_root=False, missing_programs=()),
            ("only root can start one", "sudo"),
            id="not root and nothing is missing",
        ),
        pytest.param(
            replace(BARE, has_apt=False),
            ("no apt-get", "install Docker"),
            id="not a Debian",
        ),
        pytest.param(
            replace(BARE, missing_kernel_features=("the overlay file system",)),
            ("this kernel lacks the overlay file system", "load the module"),
            id="an unsupported kernel",
        ),
    ],
)
def test_a_refusal_says_what_to_do(facts: HostFacts, fragments: tuple[str, ...]) -> None:
    """Each machine that cannot do it is told why and how, in one line."""
    with pytest.raises(Refusal) as refusal:
        decide_way(facts)

    assert all(fragment in str(refusal.value) for fragment in fragments)
    assert "\n" not in str(refusal.value)


def test_too_little_disk_is_refused_before_anything_begins() -> None:
    """A cold start needs more than a warm one; the refusal names both figures."""
    facts = replace(BARE, free_bytes=5 * GIB)

    check_disk(facts, cold=False)
    with pytest.raises(Refusal, match=r"only 5\.0 GiB are free .* 12 GiB are needed"):
        check_disk(facts, cold=True)


def test_missing_capabilities_are_read_from_the_bounding_set() -> None:
    """Bit 24 is SYS_RESOURCE; capabilities that the kernel does not know are not missed."""
    status = "Name:\tinit\nCapBnd:\t000001fffeffffff\n"

    assert missing_capabilities(status, 40) == ("CAP_SYS_RESOURCE",)
    assert missing_capabilities("CapBnd:\t0000003fffffffff\n", 37) == ()
