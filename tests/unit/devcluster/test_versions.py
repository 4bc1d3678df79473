"""One file pins every version, and everything else agrees with it."""

from __future__ import annotations

import re
from pathlib import Path

from devcluster.kind_config import Shape, kind_config
from devcluster.nodes import pod_network_table
from devcluster.pins import load_pins, package_file
from devcluster.toolchain import is_young_enough
from devcluster.tools import alone

PINS = load_pins()
POLICY = Path("/cache/audit-policy.yaml")


def test_the_modules_ask_for_the_pinned_versions() -> None:
    """Each part's go.mod requires what versions.toml says, and go.sum has its checksum."""
    for part in PINS.parts.values():
        folder = package_file("parts") / part.folder
        required = (folder / "go.mod").read_text()
        sums = (folder / "go.sum").read_text()
        for module, version in part.modules.items():
            assert f"{module} {version}" in required, f"{part.name}: {module}"
            assert f"{module} {version} h1:" in sums, f"{part.name}: {module} has no checksum"


def test_every_tool_is_built_by_its_part() -> None:
    """The part of a tool compiles a program of the tool's name."""
    for tool in PINS.tools.values():
        assert len(alone(PINS.parts[tool.part], tool.name).programs) == 1, tool.name


def test_kubernetes_libraries_are_of_the_pinned_minor() -> None:
    """All of Kubernetes' staging modules are replaced by the same release."""
    text = (package_file("parts") / "cluster" / "go.mod").read_text()
    replaced = set(re.findall(r"^\tk8s\.io/\S+ => k8s\.io/\S+ (\S+)$", text, re.MULTILINE))

    assert replaced == {PINS.kubernetes.replace("v1.", "v0.")}


def test_a_toolchain_is_compared_by_numbers() -> None:
    """1.9 is older than 1.26, and a program that prints no version is none."""
    assert is_young_enough("go version go1.26.8 linux/amd64", "1.26.4")
    assert is_young_enough("go version go1.27 linux/amd64", "1.26.4")
    assert not is_young_enough("go version go1.9.7 linux/amd64", "1.26.4")
    assert not is_young_enough("command not found", "1.26.4")


def test_the_kind_configuration_says_what_was_asked() -> None:
    """Workers, ports and the ways round an old host appear where kind reads them."""
    shape = Shape("x", workers=2, api_port=6443, publish=((8888, 30080),))
    config = kind_config(shape, own_network=True, cgroup_version=1, audit_policy=POLICY)

    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker", "worker"]
    assert config["networking"]["apiServerPort"] == 6443
    assert config["networking"]["disableDefaultCNI"]
    assert config["nodes"][0]["extraPortMappings"][0]["hostPort"] == 8888
    assert "failCgroupV1: false" in config["kubeadmConfigPatches"][-1]


def test_kinds_own_image_keeps_kinds_own_network() -> None:
    """With a pulled node image and cgroup v2 nothing is changed that need not be."""
    shape = Shape("x", workers=0)
    config = kind_config(shape, own_network=False, cgroup_version=2, audit_policy=POLICY)

    assert not config["networking"]["disableDefaultCNI"]
    assert "apiServerPort" not in config["networking"]
    assert not any("failCgroupV1" in patch for patch in config["kubeadmConfigPatches"])


def test_a_node_is_told_the_way_to_all_others() -> None:
    """The first line is its own range; every other node has a line with its address."""
    cidrs = {"a": "10.244.0.0/24", "b": "10.244.1.0/24", "c": "10.244.2.0/24"}
    addresses = {"a": "172.18.0.2", "b": "172.18.0.3", "c": "172.18.0.4"}

    assert pod_network_table("b", cidrs, addresses).splitlines() == [
        "10.244.1.0/24",
        "10.244.0.0/24 172.18.0.2",
        "10.244.2.0/24 172.18.0.4",
    ]
