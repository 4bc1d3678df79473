"""What our Dockerfiles have to keep, as functions from their text to complaints."""

from __future__ import annotations

import re

__all__ = ["complaints"]

LABELS = (
    "org.opencontainers.image.title",
    "org.opencontainers.image.source",
    "org.opencontainers.image.licenses",
)


def _instructions(text: str) -> list[tuple[str, str]]:
    """The instructions with their arguments, continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    pairs = re.findall(r"^([A-Z]+)[ \t]+(.*)$", joined, re.MULTILINE)
    return [(name, arguments.strip()) for name, arguments in pairs]


def _bases(instructions: list[tuple[str, str]]) -> list[str]:
    """The images that stages start from, other than earlier stages."""
    stages: set[str] = set()
    bases = []
    for name, arguments in instructions:
        if name == "FROM":
            image, *alias = [word for word in arguments.split() if not word.startswith("--")]
            if image not in stages:
                bases.append(image)
            stages |= set(alias[1:])
    return bases


def complaints(text: str) -> list[str]:
    """Everything about a Dockerfile that breaks a rule."""
    instructions = _instructions(text)
    starts = [number for number, (name, _) in enumerate(instructions) if name == "FROM"]
    last = instructions[starts[-1] :]
    found = [f"base {image} has no fixed tag" for image in _bases(instructions) if _floats(image)]
    if len(starts) < 2:
        found.append("one stage only: what builds is left in the image")
    found += _complaints_about_running(last)
    if any(name == "ADD" for name, _ in instructions):
        found.append("ADD fetches and unpacks by guessing: use COPY")
    return found


def _floats(image: str) -> bool:
    """An image whose content another day may be another one."""
    if image == "scratch":  # nothing, whatever the day
        return False
    return (":" not in image and "$" not in image) or image.endswith(":latest")


def _complaints_about_running(stage: list[tuple[str, str]]) -> list[str]:
    """What is wrong with the stage that becomes the image."""
    found = []
    users = [arguments for name, arguments in stage if name == "USER"]
    # By number, because the kubelet's runAsNonRoot cannot tell who a name is.
    if not users or not re.fullmatch(r"[1-9]\d*(:\d+)?", users[-1]):
        found.append("no numeric USER other than root")
    entrypoints = [arguments for name, arguments in stage if name == "ENTRYPOINT"]
    if not entrypoints or not entrypoints[-1].startswith("["):
        found.append("no ENTRYPOINT in exec form: a shell would swallow SIGTERM")
    labels = " ".join(arguments for name, arguments in stage if name == "LABEL")
    return found + [f"no label {label}" for label in LABELS if label not in labels]
