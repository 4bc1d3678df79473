"""A Git repository whose data DVC keeps."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dvc.repo import Repo as DvcRepo

__all__ = ["Repository", "make_repository"]


@dataclass(frozen=True)
class Repository:
    """A Git repository with DVC in it."""

    folder: Path

    def git(self, *arguments: str) -> str:
        """Run git in it, without the settings of whoever runs the tests."""
        ada = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
        environment = {**os.environ, "HOME": str(self.folder.parent), "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *ada, *arguments],
            cwd=self.folder, env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, tag: str) -> None:
        """Commit everything under a tag."""
        self.git("add", "--all")
        self.git("commit", "--message", tag)
        self.git("tag", tag)

    def push(self, content: bytes) -> None:
        """A new state of `rows.csv` on the branch, as people make it."""
        with DvcRepo(str(self.folder)) as dvc:
            (self.folder / "rows.csv").write_bytes(content)
            dvc.add(str(self.folder / "rows.csv"))
            dvc.push(remote="mine")
            self.commit("pushed")

    def uri(self, revision: str, path: str = "rows.csv") -> str:
        """The address of a file at a revision."""
        return f"dvc+file://{self.folder}@{revision}:{path}"


def make_repository(
    base: Path, revisions: Mapping[str, bytes], read_at: str | None = None
) -> Repository:
    """`repository` and its remote `store` in a folder: `rows.csv` in several revisions, by tag.

    `read_at` is where others read the remote, when it is served to them.
    """
    made = Repository(base / "repository")
    made.folder.mkdir()
    made.git("init", "--initial-branch", "main")
    with DvcRepo.init(str(made.folder)) as dvc, dvc.config.edit() as settings:
        settings["remote"]["mine"] = {"url": str(base / "store")}
        settings["remote"]["store"] = {"url": read_at or str(base / "store")}
        settings["core"]["remote"] = "store"
    with DvcRepo(str(made.folder)) as dvc:
        for tag, content in revisions.items():
            (made.folder / "rows.csv").write_bytes(content)
            dvc.add(str(made.folder / "rows.csv"))
            dvc.push(remote="mine")
            made.commit(tag)
    return made
