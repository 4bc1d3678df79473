"""The images are built alike: small, numeric user, signals reach the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.dockerfiles import complaints
from support.repository import ROOT, files

DOCKERFILES = [path for path in files("*Dockerfile") if "devcluster" not in path.parts]

GOOD = """\
FROM python:3.13-slim-trixie AS build
RUN uv sync \\
    # why it is so
    --locked

FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.title="x" \\
      org.opencontainers.image.source="y" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /app /app
USER 65532:65532
ENTRYPOINT ["python", "-m", "x"]
"""


@pytest.mark.parametrize(
    "dockerfile", DOCKERFILES, ids=[str(path.relative_to(ROOT)) for path in DOCKERFILES]
)
def test_dockerfiles_keep_the_rules(dockerfile: Path) -> None:
    """Fixed base, separate build stage, numeric user, exec form and labels."""
    assert complaints(dockerfile.read_text()) == []


def test_every_deployable_has_a_dockerfile() -> None:
    """One image for each of the three deployables, and for each part of the demo's stack."""
    stack = ROOT / "charts/leadsman-stack/images"
    folders = {path.parent for path in DOCKERFILES}

    assert {folder.name for folder in folders if folder.parent == ROOT} == {
        "operator",
        "serving-runtime",
        "training-jobs",
    }
    assert {folder.name for folder in folders if folder.parent == stack} == {
        "gateway",
        "mlflow",
        "optuna-dashboard",
        "postgresql",
        "prometheus",
    }


def test_a_good_dockerfile_has_no_complaints() -> None:
    """The example keeps all rules."""
    assert complaints(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("python:3.13-slim-trixie AS", "python AS", "base python has no fixed tag"),
        ("python:3.13-slim-trixie AS", "python:latest AS", "base python:latest has no fixed tag"),
        ("USER 65532:65532\n", "", "no numeric USER other than root"),
        ("USER 65532:65532", "USER app", "no numeric USER other than root"),
        ("USER 65532:65532", "USER 0", "no numeric USER other than root"),
        (
            'ENTRYPOINT ["python", "-m", "x"]',
            "ENTRYPOINT python -m x",
            "no ENTRYPOINT in exec form: a shell would swallow SIGTERM",
        ),
        ("image.title", "image.name", "no label org.opencontainers.image.title"),
        ("COPY --from=build", "ADD", "ADD fetches and unpacks by guessing: use COPY"),
    ],
)
def test_a_bad_dockerfile_is_found(old: str, new: str, complaint: str) -> None:
    """Each rule complains about the smallest thing that breaks it."""
    assert complaints(GOOD.replace(old, new)) == [complaint]


def test_an_empty_base_is_always_the_same() -> None:
    """`scratch` has no tag, because there is only one of it."""
    empty = GOOD.replace("FROM python:3.13-slim-trixie\n", "FROM scratch\n")

    assert complaints(empty) == []


def test_a_single_stage_is_found() -> None:
    """A Dockerfile that runs where it built is refused."""
    single = GOOD[GOOD.rindex("FROM") :].replace("--from=build ", "")

    assert complaints(single) == ["one stage only: what builds is left in the image"]
