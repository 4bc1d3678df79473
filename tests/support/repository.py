"""What lies in the repository, for the tests that guard its shape."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["PACKAGES", "ROOT", "files", "python_files"]

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = (
    ROOT / "crds/src/leadsman_api",
    ROOT / "operator/src/leadsman_operator",
    ROOT / "serving-runtime/src/leadsman_serving",
    ROOT / "training-jobs/src/leadsman_training",
    ROOT / "devcluster/src/devcluster",
)


def files(pattern: str = "*") -> list[Path]:
    """The repository's own files that match a git pathspec: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", pattern],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = (ROOT / name for name in listed.split("\0") if name)
    # A file that was deleted but not committed yet is still listed.
    return sorted({path for path in paths if path.is_file()})


def python_files(*folders: Path) -> list[Path]:
    """The Python files of these folders, or of the whole repository."""
    return [
        path
        for path in files("*.py")
        if not folders or any(path.is_relative_to(folder) for folder in folders)
    ]
