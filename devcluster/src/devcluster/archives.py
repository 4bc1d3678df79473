"""Turns `docker save` into an OCI archive without the layers that a node has already.

Pure but for the two files: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Moved", "full_name", "write_missing"]

CHUNK = 1024 * 1024
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True, slots=True)
class Moved:
    """What an archive holds: of so many bytes of layers, those that were missing."""

    bytes: int
    of_bytes: int


def full_name(image: str) -> str:
    """Write a name as containerd keeps it: `leadsman/serving:1` is `docker.io/leadsman/serving:1`.

    The rules of https://pkg.go.dev/github.com/distribution/reference#ParseNormalizedNamed
    """
    if ":" not in image.rpartition("/")[2] and "@" not in image:
        image += ":latest"
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return image
    return f"docker.io/{image}" if slash else f"docker.io/library/{image}"


def write_missing(saved: Path, archive: Path, image: str, present: Collection[str]) -> Moved:
    """Write what a node lacks of a saved image; `present` are the digests that it has.

    Raises:
        KeyError: `saved` is not what `docker save` of one image writes.
    """
    with tarfile.open(saved) as source, tarfile.open(archive, "w") as target:
        entry = json.loads(_read(source, "manifest.json"))[0]
        config = _read(source, entry["Config"])
        layers = [_describe(source, path) for path in entry["Layers"]]
        missing = [layer for layer in layers if layer["digest"] not in present]
        written = set()
        for layer in missing:
            if layer["digest"] not in written:
                _copy_blob(source, target, layer)
                written.add(layer["digest"])
        descriptors = [{k: v for k, v in layer.items() if k != "path"} for layer in layers]
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": _describe_bytes(config, CONFIG),
                "layers": descriptors,
            }
        ).encode()
        _add_blob(target, config)
        _add_blob(target, manifest)
        names = {"io.containerd.image.name": full_name(image)}
        index = {**_describe_bytes(manifest, MANIFEST), "annotations": names}
        _add(target, "index.json", json.dumps({"schemaVersion": 2, "manifests": [index]}).encode())
        _add(target, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    return Moved(sum(layer["size"] for layer in missing), sum(layer["size"] for layer in layers))


def _describe(source: tarfile.TarFile, path: str) -> dict[str, Any]:
    content = _open(source, path)
    digest = hashlib.sha256()
    size = 0
    kind = LAYER
    while chunk := content.read(CHUNK):
        if size == 0 and chunk.startswith(b"\x1f\x8b"):
            kind = f"{LAYER}+gzip"
        digest.update(chunk)
        size += len(chunk)
    return {"mediaType": kind, "digest": f"sha256:{digest.hexdigest()}", "size": size, "path": path}


def _describe_bytes(content: bytes, kind: str) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}


def _copy_blob(source: tarfile.TarFile, target: tarfile.TarFile, layer: dict[str, Any]) -> None:
    entry = tarfile.TarInfo(f"blobs/sha256/{layer['digest'].partition(':')[2]}")
    entry.size = layer["size"]
    target.addfile(entry, _open(source, layer["path"]))


def _add_blob(target: tarfile.TarFile, content: bytes) -> None:
    _add(target, f"blobs/sha256/{hashlib.sha256(content).hexdigest()}", content)


def _add(target: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    target.addfile(entry, io.BytesIO(content))


def _open(source: tarfile.TarFile, path: str) -> Any:  # noqa: ANN401 - a binary file object
    content = source.extractfile(path)  # follows the links of layers that are there twice
    if content is None:
        raise KeyError(path)
    return content


def _read(source: tarfile.TarFile, path: str) -> bytes:
    content: bytes = _open(source, path).read()
    return content
