"""What ends a command is one line; what goes on is shown."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from typing_extensions import override

from devcluster import commands
from devcluster.errors import CommandFailed
from devcluster.places import Places, find_places
from devcluster.progress import Progress, format_seconds
from support.waiting import eventually


def devcluster(*arguments: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """Run the program with a cache of its own."""
    return subprocess.run(
        [sys.executable, "-m", "devcluster", *arguments],
        env={"LEADSMAN_CACHE": str(cache), "PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_cluster_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    """`kubeconfig` without a cluster names the command that makes one."""
    result = devcluster("kubeconfig", cache=tmp_path)

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "devcluster: there is no cluster `leadsman`: `devcluster up` makes one\n"
    )


def test_a_wrong_tool_is_told_the_right_ones(tmp_path: Path) -> None:
    """`tools` names what it can bring."""
    result = devcluster("tools", "terraform", cache=tmp_path)

    assert result.returncode == 1
    assert "choose from kubectl, helm, kind, actionlint" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (("up", "--workers", "many"), "write a number from 0 to 8"),
        (("up", "--publish", "80"), "write HOST:NODEPORT, for example 8888:30080"),
    ],
)
def test_a_bad_argument_is_answered_with_a_good_one(
    arguments: tuple[str, ...], fragment: str, tmp_path: Path
) -> None:
    """The command line says what to write instead."""
    result = devcluster(*arguments, cache=tmp_path)

    assert result.returncode == 2
    assert fragment in result.stderr


def test_a_failed_program_is_told_with_its_last_lines(tmp_path: Path) -> None:
    """The message has the command, its code and its end; the log has all of it."""
    log = tmp_path / "build.log"
    with pytest.raises(CommandFailed, match=r"ended with code 3: .*no space left") as failure:
        commands.follow(["sh", "-c", "echo begun; echo no space left; exit 3"], log=log)

    assert str(log) in str(failure.value)
    assert log.read_text() == "begun\nno space left\n"


def test_a_program_that_is_not_there_is_an_answer() -> None:
    """A missing program and one that hangs end with the codes of a shell."""
    assert commands.attempt(["/nowhere/docker"]).returncode == 127
    assert commands.attempt(["sleep", "9"], timeout=0.01).returncode == 124


def test_plain_output_says_when_a_step_begins_and_ends() -> None:
    """In a pipe each step has a line at its begin and its end, failed or not."""
    stream = io.StringIO()
    progress = Progress(stream)
    with progress.step("compiling"):
        progress.say("a remark")
    with pytest.raises(RuntimeError), progress.step("loading"):
        raise RuntimeError
    progress.close()
    lines = stream.getvalue().splitlines()

    assert lines[:2] == ["  … compiling", "a remark"]
    assert [line.split(" (")[0] for line in lines[2:]] == [
        "  ✓ compiling",
        "  … loading",
        "  ✗ loading",
    ]


class Terminal(io.StringIO):
    """A stream that calls itself a terminal."""

    @override
    def isatty(self) -> bool:
        """Say so."""
        return True


def test_a_terminal_shows_what_a_step_is_at() -> None:
    """The live line is drawn again and again with the step's detail, and erased at the end."""
    stream = Terminal()
    progress = Progress(stream)
    with progress.step("compiling") as step:
        step.show("812 of 2,301 packages")
        eventually(
            lambda: "compiling: 812 of 2,301 packages" in stream.getvalue(),
            within_seconds=5,
            what="the live line shows the detail",
        )
    progress.close()

    assert "✓ compiling" in stream.getvalue().splitlines()[-1]


def test_durations_are_written_as_people_read_them() -> None:
    """Seconds with a decimal, minutes with two digits of seconds."""
    assert [format_seconds(value) for value in (4.23, 187)] == ["4.2 s", "3 min 07 s"]


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """LEADSMAN_CACHE goes before XDG_CACHE_HOME, and a cluster's file lies inside."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert find_places().cache == tmp_path / "xdg" / "leadsman"
    monkeypatch.setenv("LEADSMAN_CACHE", str(tmp_path / "own"))
    places = find_places()

    assert isinstance(places, Places)
    assert places.kubeconfig("x") == tmp_path / "own" / "clusters" / "x" / "kubeconfig"
