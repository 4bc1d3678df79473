"""What `kubectl leadsman` shows, in a pipe and on terminals of 80 and 120 columns."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
import yaml

from support.golden import Golden
from support.world import REF
from support.world_user import User, with_copies


def go_on(user: User, seconds: int) -> None:
    """Let time pass, with the operator at work."""
    for _ in range(seconds // 5):
        asyncio.run(user.sim.advance(5))


def register(user: User, behaviour: str) -> None:
    """A version gets the alias."""
    user.sim.registry.aliases["champion"] = user.sim.register(behaviour)


def new() -> User:
    """Applied, and not seen yet."""
    return User()


def serving() -> User:
    """Version 1 serves."""
    user = User()
    register(user, "good")
    go_on(user, 30)
    return user


def in_a_step() -> User:
    """Version 2 has 30 percent, and somebody has asked for what can't be."""
    user = serving()
    register(user, "good")
    go_on(user, 20)
    user("retry", "churn")
    user("resume", "churn")
    go_on(user, 5)
    return user


def rolled_back() -> User:
    """Version 2 answered with errors."""
    user = serving()
    register(user, "errors")
    go_on(user, 60)
    return user


def baking() -> User:
    """Version 2 has all of the traffic, and version 1 is the way back."""
    user = serving()
    register(user, "good")
    go_on(user, 15)
    user("promote", "churn", "--full", "--because", "the fair opens at noon")
    go_on(user, 20)
    return user


def on_copies() -> User:
    """Version 2 gets copies, and has been found to say the same so far."""
    user = with_copies(minimumStepTime="60s")
    register(user, "good")
    go_on(user, 30)
    register(user, "good")
    go_on(user, 20)
    return user


SCENES = (new, serving, in_a_step, rolled_back, baking, on_copies)
VIEWS = (
    ("status",), ("status", "churn"), ("history", "churn"), ("explain", "churn"),
)  # fmt: skip


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
@pytest.mark.parametrize("columns", [None, 80, 120], ids=["pipe", "80", "120"])
def test_a_view_is_as_it_was(
    scene: Callable[[], User], columns: int | None, golden: Golden
) -> None:
    """Every page of a scene, one after the other."""
    user = scene()
    pages = []
    for view in VIEWS:
        result = user(*view, columns=columns)
        assert result.code == 0
        pages.append(f"$ kubectl leadsman {' '.join(view)}\n{result.stdout}")
    wide = f"{columns}_columns" if columns else "pipe"
    golden.check(f"leadsman_{scene.__name__}_{wide}.txt", "\n".join(pages))


def test_a_pipe_gets_no_colours_and_one_line_for_each_thing() -> None:
    """So that grep and awk can read it."""
    user = in_a_step()
    text = user("status").stdout
    assert "\x1b" not in text
    assert len(text.splitlines()) == 2
    assert "\x1b" in user("status", columns=80).stdout
    assert "\x1b" not in user("status", columns=80, NO_COLOR="1").stdout


@pytest.mark.parametrize("columns", [80, 120])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    """Whatever is shown."""
    user = in_a_step()
    for view in VIEWS:
        text = user(*view, columns=columns, NO_COLOR="1").stdout
        assert max(len(line.rstrip()) for line in text.splitlines()) <= columns


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_programs_get_the_status_as_it_is(form: str) -> None:
    """Names of fields as in the resource."""
    user = in_a_step()
    text = user("status", "churn", "-o", form).stdout
    content = json.loads(text) if form == "json" else yaml.safe_load(text)
    assert content["name"] == "churn"
    assert content["status"] == user.sim.cluster.objects[REF]["status"]
    listed = json.loads(user("status", "-o", "json").stdout)
    assert [one["name"] for one in listed] == ["churn"]
    history = json.loads(user("history", "churn", "-o", "json").stdout)
    assert history["history"] == content["status"]["history"]
    explained = json.loads(user("explain", "churn", "-o", "json").stdout)
    assert explained["evidence"] == content["status"]["evidence"]


def test_all_namespaces_are_listed_with_their_names() -> None:
    """With -A."""
    lines = serving()("status", "-A").stdout.splitlines()
    assert lines[0].split()[:2] == ["NAMESPACE", "NAME"]
    assert lines[1].split()[:3] == ["ml", "churn", "Stable"]


def test_nothing_is_told_apart_from_an_error() -> None:
    """A sentence on standard error, and nothing in the pipe."""
    assert serving()("status", "-n", "other") == (
        0, "", "there is no ModelDeployment in namespace other\n"
    )  # fmt: skip


def test_a_name_and_all_namespaces_contradict_each_other() -> None:
    """Exit code 2, as for every wrong command line."""
    assert serving()("status", "churn", "-A").code == 2
