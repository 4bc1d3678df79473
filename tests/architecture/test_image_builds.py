"""The three Dockerfiles are one recipe: cheap to rebuild, and nothing installs in the images."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from support.repository import ROOT

MEMBERS = {
    "operator": "leadsman-operator",
    "serving-runtime": "leadsman-serving",
    "training-jobs": "leadsman-training",
}
PUBLISHING = ROOT / "scripts/publish-images"
OWN = re.compile(
    r"^(# The .*|EXPOSE .*|ENV LEADSMAN_.*|.*image\.description=.*|#   docker build .*)\n",
    re.MULTILINE,
)

# Images of the demo's stack by the group of the lockfile that they hold, and where it lies there.
GROUPS = {
    "mlflow": ("mlflow-server", "/opt/mlflow"),
    "optuna-dashboard": ("optuna-dashboard", "/opt/dashboard"),
}

# The serving runtime alone has a layer whose libraries can be chosen.
FLAVORS = (
    re.compile(r" --extra fetch(?= --output-file)"),
    re.compile(r"^# Every flavor is in it.*\n", re.MULTILINE),
    re.compile(r"^ARG FLAVORS=all\nRUN (.*\\\n)*.*\n", re.MULTILINE),
    re.compile(r"^# [^\n]*\n(?:# [^\n]*\n)?FROM dependencies AS flavors\n(.+\n)*\n", re.MULTILINE),
    re.compile(r"^COPY --from=flavors .*\n", re.MULTILINE),
    re.compile(r"^ARG FLAVORS=all\n|^    dev\.leadsman\.flavors=.*\n", re.MULTILINE),
)

# The training jobs alone have another member, because a gate times versions as they will be
# served, and extras.
SERVED = {
    "training-jobs": (
        re.compile(r"^# The serving runtime is among them.*\n", re.MULTILINE),
        re.compile(r"^# What a version was trained by.*\n", re.MULTILINE),
        re.compile(r"^COPY serving-runtime .*\n", re.MULTILINE),
        re.compile(r" /workspace/serving-runtime(?= )"),
        re.compile(r" --extra all(?= --output-file)"),  # data from every source
    ),
}

every_member = pytest.mark.parametrize("folder", MEMBERS)


def recipe_of(folder: str) -> str:
    """A Dockerfile without its comments."""
    text = (ROOT / folder / "Dockerfile").read_text()
    return re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)


def stage(recipe: str, name: str) -> str:
    """The instructions of one stage; the last one has no name."""
    stages = re.split(r"^(?=FROM )", recipe, flags=re.MULTILINE)
    if not name:
        return stages[-1]
    (found,) = [text for text in stages if text.splitlines()[0].endswith(f" AS {name}")]
    return found


def shape_of(folder: str) -> str:
    """A Dockerfile with what differs between the deployables taken out."""
    text = OWN.sub("", (ROOT / folder / "Dockerfile").read_text())
    # The stage `locked` names every member in each of them.
    locked = re.compile(r"^COPY (\S+)/pyproject\.toml \1/\n", re.MULTILINE)
    for flavors in (*FLAVORS, *SERVED.get(folder, ())):
        text = flavors.sub("", text)
    return locked.sub("", text).replace(MEMBERS[folder], "PACKAGE").replace(folder, "FOLDER")


def test_all_dockerfiles_have_one_shape() -> None:
    """Whoever knows one knows all, and layers that could be shared are."""
    first, *others = (shape_of(folder).rstrip() for folder in MEMBERS)

    assert all(other == first for other in others)


@every_member
def test_nothing_but_the_members_follows_from_the_sources(folder: str) -> None:
    """A changed line rebuilds one small layer: packages are installed without any source."""
    recipe = recipe_of(folder)
    copies = re.findall(r"^COPY (?!--from)(.+)$", stage(recipe, "dependencies"), re.MULTILINE)

    assert copies == []
    assert f"COPY {folder} " in stage(recipe, "members")


@every_member
def test_dependencies_are_those_of_the_lockfile(folder: str) -> None:
    """Exactly the locked versions, each checked by its hash, none of the developers' own."""
    recipe = recipe_of(folder)
    locked = stage(recipe, "locked")

    assert "--frozen --no-dev" in locked
    assert f"--package {MEMBERS[folder]} " in locked
    assert "--require-hashes" in stage(recipe, "dependencies")


@every_member
def test_every_workspace_member_is_known_to_the_lock_stage(folder: str) -> None:
    """A new member has to be added to it, otherwise uv refuses the workspace."""
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]
    locked = stage(recipe_of(folder), "locked")

    assert [member for member in workspace["members"] if f"COPY {member}/" not in locked] == []


@pytest.mark.parametrize("image", GROUPS)
def test_images_of_the_stack_hold_a_group_of_the_lockfile(image: str) -> None:
    """Up to the layer with the packages they are one recipe, and so share what they can."""
    text = recipe_of(f"charts/leadsman-stack/images/{image}")
    other = recipe_of("charts/leadsman-stack/images/mlflow")
    locked = stage(text, "locked")

    assert f"--frozen --only-group {GROUPS[image][0]} " in locked
    assert "--require-hashes" in stage(text, "dependencies")
    assert recipe_until_packages(text, image) == recipe_until_packages(other, "mlflow")


def recipe_until_packages(recipe: str, image: str) -> str:
    """The stages before the last, without the words that are the image's own."""
    group, folder = GROUPS[image]
    before = recipe.removesuffix(stage(recipe, ""))
    return before.replace(f"--only-group {group} ", "").replace(folder, "FOLDER")


def test_flavors_are_a_layer_of_their_own() -> None:
    """Images of different flavors share the base and the core, and none has another's libraries."""
    recipe = recipe_of("serving-runtime")
    locked, flavors, last = (stage(recipe, name) for name in ("locked", "flavors", ""))
    project = tomllib.loads((ROOT / "serving-runtime/pyproject.toml").read_text())["project"]
    published = re.findall(r"^flavors=\((.*)\)$", PUBLISHING.read_text(), re.MULTILINE)

    assert "--extra fetch --output-file /requirements.txt" in locked
    assert "ARG FLAVORS=all\n" in locked
    assert "--require-hashes -r /flavors.txt" in flavors
    assert last.index("--from=dependencies") < last.index("--from=flavors")
    no_flavors = {"all", "fetch", "grpc", "parquet"}
    assert set(published[0].split()) == set(project["optional-dependencies"]) - no_flavors


@every_member
def test_nothing_in_the_image_installs(folder: str) -> None:
    """The last stage starts from a base without pip and copies no tool into it."""
    recipe = recipe_of(folder)
    last, runtime = stage(recipe, ""), stage(recipe, "runtime")

    assert last.startswith("FROM runtime\n")
    assert re.findall(r"^RUN|\bpip\b|\buv\b|pytest", last, re.MULTILINE) == []
    assert "for module in pip ensurepip setuptools; do" in runtime


@every_member
def test_the_image_starts_the_program_of_its_package(folder: str) -> None:
    """The entry point is the console script that has the package's name."""
    project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    script = project["name"]

    assert script in project["scripts"]
    assert f'ENTRYPOINT ["/opt/leadsman/bin/{script}"]' in stage(recipe_of(folder), "")
    assert "STOPSIGNAL SIGTERM" in stage(recipe_of(folder), "")


@every_member
def test_the_oldest_buildkit_understands_it(folder: str) -> None:
    """Docker 20.10's own, without a frontend from a registry: no heredocs, no --link."""
    text = (ROOT / folder / "Dockerfile").read_text()

    assert re.findall(r"^# *syntax|<<-?['\"A-Z]|--link|--chmod|--exclude", text, re.MULTILINE) == []


def test_the_same_uv_builds_and_checks() -> None:
    """The pin of the Dockerfiles is the one of the workflows."""
    pin = re.compile(r"UV_VERSION[=:] ?(\S+)")
    files = [ROOT / folder / "Dockerfile" for folder in MEMBERS]
    files += sorted((ROOT / ".github/workflows").glob("*.yaml"))
    pins = {version for file in files for version in pin.findall(file.read_text())}

    assert len({version for version in pins if version[0].isdigit()}) == 1


def test_the_build_context_is_only_what_is_needed() -> None:
    """Everything is left out but what the Dockerfiles copy."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    allowed = [Path(rule[1:]) for rule in rules if rule.startswith("!")]

    assert rules[0] == "*"
    assert [str(path) for path in allowed if not (ROOT / path).exists()] == []
    assert not any(path.parts[0] in {"tests", "devcluster", "docs", ".git"} for path in allowed)
