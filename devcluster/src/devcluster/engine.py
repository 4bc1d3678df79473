"""The container engine as devcluster calls it, whoever's it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devcluster import commands

__all__ = ["NETWORK", "Engine"]

NETWORK = "leadsman"
"""The network of all clusters that devcluster makes, and of no other."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A docker client and the engine it talks to."""

    client: str
    host: str | None
    """`unix://…` of a private engine; None for the one that the user's client reaches."""
    programs: Path
    """Folder that comes first on the PATH of programs that call `docker` themselves."""

    @property
    def is_private(self) -> bool:
        """Say whether devcluster started the engine itself."""
        return self.host is not None

    @property
    def env(self) -> dict[str, str]:
        """What `docker`, `kind` and builds need in their environment."""
        env = {
            "DOCKER_BUILDKIT": "1",
            "KIND_EXPERIMENTAL_DOCKER_NETWORK": NETWORK,
            "PATH": f"{self.programs}:{os.environ['PATH']}:/usr/sbin:/sbin",
        }
        return {**env, "DOCKER_HOST": self.host} if self.host else env

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = 600) -> str:
        """Run a docker command that has to succeed; return what it printed.

        Raises:
            CommandFailed: It did not.
        """
        return commands.run([self.client, *arguments], stdin=stdin, env=self.env, timeout=timeout)

    def succeeds(self, *arguments: str, timeout: float = 120) -> bool:
        """Run a docker command whose failure is an answer."""
        answer = commands.attempt([self.client, *arguments], env=self.env, timeout=timeout)
        return answer.returncode == 0

    def follow(
        self, *arguments: str, log: Path, on_line: Callable[[str], None] = lambda _line: None
    ) -> None:
        """Run a long docker command with its output in a log.

        Raises:
            CommandFailed: It ended badly.
        """
        commands.follow([self.client, *arguments], log=log, on_line=on_line, env=self.env)

    def inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return `docker KIND inspect NAME`, or None where there is none."""
        answer = commands.attempt([self.client, kind, "inspect", name], env=self.env, timeout=60)
        if answer.returncode:
            return None
        found: list[dict[str, Any]] = json.loads(answer.stdout)
        return found[0]

    def has_image(self, name: str) -> bool:
        """Say whether the engine holds an image of this name."""
        return self.inspect("image", name) is not None

    def build(  # noqa: PLR0913 - the options of `docker build` that are used
        self,
        context: Path,
        tag: str,
        *,
        log: Path,
        dockerfile: Path | None = None,
        target: str | None = None,
        arguments: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """Build an image with the engine's BuildKit.

        Raises:
            CommandFailed: The build failed; the message has its last lines.
        """
        flags = [f"--build-arg={name}={value}" for name, value in (arguments or {}).items()]
        flags += ["--file", str(dockerfile)] if dockerfile else []
        flags += ["--target", target] if target else []
        self.follow(
            "build",
            "--progress=plain",
            *flags,
            "--tag",
            tag,
            str(context),
            log=log,
            on_line=on_line,
        )
