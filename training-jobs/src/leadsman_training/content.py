"""What a stored model consists of, apart from what each storing names anew.

A skops file numbers its parts by where they lay in memory, and a zip archive has the time of its
making: the same model stored twice never has the same bytes. Here the parts are named by their
order and their content.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import yaml

_PLACE, _PART = "__id__", "file"
_DESCRIPTIONS = (
    "MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "input_example.json",
    "serving_input_example.json", "registered_model_meta",
)  # fmt: skip


def content_digest(folder: Path) -> str:
    """The digest of the model in a folder of MLflow's: equal for models that are the same."""
    described = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
    flavor = described["flavors"].get("sklearn")
    if flavor is None:
        return _of_files(folder)
    file = folder / str(flavor["pickled_model"])
    whole = _skops(file) if zipfile.is_zipfile(file) else file.read_bytes()
    return f"sha256:{hashlib.sha256(whole).hexdigest()}"


def _of_files(folder: Path) -> str:
    """Of another flavor all files but those that describe it, which name times and packages."""
    whole = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and name not in _DESCRIPTIONS:
            whole.update(f"{name} {file.stat().st_size}\n".encode() + file.read_bytes())
    return f"sha256:{whole.hexdigest()}"


def _skops(file: Path) -> bytes:
    with zipfile.ZipFile(file) as archive:
        parts = {
            name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()
        }
        schema = json.loads(archive.read("schema.json"))
    named = _renamed(schema, parts, {})
    return json.dumps(named, sort_keys=True).encode()


def _renamed(node: Any, parts: dict[str, str], places: dict[int, int]) -> Any:  # noqa: ANN401 - JSON
    """The same tree with places by their order and parts by what they hold."""
    if isinstance(node, list):
        return [_renamed(one, parts, places) for one in node]
    if not isinstance(node, dict):
        return node
    found: dict[str, Any] = {}
    for name, value in node.items():
        if name == _PLACE:
            found[name] = places.setdefault(value, len(places))
        elif name == _PART and value in parts:
            found[name] = parts[value]
        else:
            found[name] = _renamed(value, parts, places)
    return found
