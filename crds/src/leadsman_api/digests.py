"""The content digest of a model: one number that all who handle its files agree on.

Whoever wants to check it by hand needs no tool of ours: it is the sha256 of what
`find . -type f | sort | xargs sha256sum` prints in the model's folder, with paths written
as `MLmodel` and `data/model.xgb`, sorted by byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

NOT_CONTENT = frozenset({"registered_model_meta"})
"""Files that MLflow adds when it downloads a version: they are not part of the model."""


def digest_of(files: Mapping[str, str]) -> str:
    """Give the digest of a model from the sha256 of each file, in hexadecimal, by its path.

    Paths are relative to the model's folder and written with slashes.
    Raises ValueError when there is no file: nothing is no model.
    """
    lines = [
        f"{sha256}  {path}\n".encode() for path, sha256 in files.items() if path not in NOT_CONTENT
    ]
    if not lines:
        raise ValueError("a model without files has no digest")
    lines.sort(key=lambda line: line.partition(b"  ")[2])
    return f"sha256:{hashlib.sha256(b''.join(lines)).hexdigest()}"
