"""Only the layers that a node lacks are moved, and what arrives is a whole image."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from devcluster.archives import full_name, write_missing

CONFIG = b'{"architecture": "amd64"}'
BASE, OWN = b"base layer" * 1000, b"own layer"


def digest(content: bytes) -> str:
    """Return a digest as registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def save(folder: Path, layers: list[bytes]) -> Path:
    """Write what `docker save` of an image with these layers writes."""
    path = folder / "saved.tar"
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    entry = {"Config": "config.json", "RepoTags": ["leadsman/x:1"], "Layers": names}
    files = {
        "manifest.json": json.dumps([entry]).encode(),
        "config.json": CONFIG,
        **dict(zip(names, layers, strict=True)),
    }
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def read(path: Path) -> dict[str, bytes]:
    """Return an archive's files."""
    with tarfile.open(path) as archive:
        files = {entry.name: archive.extractfile(entry) for entry in archive}
        return {name: file.read() for name, file in files.items() if file}


def test_an_empty_node_gets_every_layer(tmp_path: Path) -> None:
    """Index, manifest, configuration and layers refer to one another by digest."""
    moved = write_missing(save(tmp_path, [BASE, OWN]), tmp_path / "out.tar", "leadsman/x:1", ())
    files = read(tmp_path / "out.tar")
    index = json.loads(files["index.json"])["manifests"][0]
    manifest = json.loads(files[f"blobs/sha256/{index['digest'][7:]}"])

    assert moved.bytes == moved.of_bytes == len(BASE) + len(OWN)
    assert index["annotations"] == {"io.containerd.image.name": "docker.io/leadsman/x:1"}
    assert manifest["config"]["digest"] == digest(CONFIG)
    assert [layer["digest"] for layer in manifest["layers"]] == [digest(BASE), digest(OWN)]
    assert files[f"blobs/sha256/{digest(OWN)[7:]}"] == OWN


def test_a_layer_that_is_there_is_named_but_not_moved(tmp_path: Path) -> None:
    """The manifest still lists the base; its bytes stay at home."""
    saved = save(tmp_path, [BASE, OWN])
    moved = write_missing(saved, tmp_path / "out.tar", "leadsman/x:1", {digest(BASE)})
    files = read(tmp_path / "out.tar")

    assert (moved.bytes, moved.of_bytes) == (len(OWN), len(BASE) + len(OWN))
    assert f"blobs/sha256/{digest(BASE)[7:]}" not in files
    assert f"blobs/sha256/{digest(OWN)[7:]}" in files


def test_a_layer_used_twice_is_moved_once(tmp_path: Path) -> None:
    """Empty layers often recur; an archive must not hold a file twice."""
    write_missing(save(tmp_path, [OWN, OWN]), tmp_path / "out.tar", "leadsman/x:1", ())
    with tarfile.open(tmp_path / "out.tar") as archive:
        names = archive.getnames()

    assert len(names) == len(set(names))


def test_compressed_layers_are_called_so(tmp_path: Path) -> None:
    """Engines that keep images in containerd save compressed layers."""
    saved = save(tmp_path, [gzip.compress(BASE)])
    write_missing(saved, tmp_path / "out.tar", "leadsman/x:1", ())
    files = read(tmp_path / "out.tar")
    index = json.loads(files["index.json"])["manifests"][0]
    manifest = json.loads(files[f"blobs/sha256/{index['digest'][7:]}"])

    assert manifest["layers"][0]["mediaType"].endswith("+gzip")


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("leadsman/serving:dev", "docker.io/leadsman/serving:dev"),
        ("busybox:1", "docker.io/library/busybox:1"),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
        ("localhost:5000/x:1", "localhost:5000/x:1"),
        ("localhost/x:1", "localhost/x:1"),
    ],
)
def test_names_are_written_out_as_containerd_keeps_them(short: str, full: str) -> None:
    """The kubelet asks for the long form."""
    assert full_name(short) == full
