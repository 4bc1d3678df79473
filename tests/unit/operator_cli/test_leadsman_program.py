"""The program around the commands: its help, its documentation, its start and its completion."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys

import pytest

from leadsman_operator.cli.options import add_cluster_options
from leadsman_operator.cli.table import ENTRIES, Entry
from support.repository import ROOT
from support.world_user import User

HEAVY = {
    "aiohttp", "kopf", "kubernetes", "mlflow", "optuna", "prometheus_client", "pydantic", "rich",
    "yaml", "httpx", "numpy",
}  # fmt: skip
PAGE = (ROOT / "docs/cli.md").read_text()
names = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)


def options_of(entry: Entry) -> set[str]:
    """The options of a command by their long names, but those of every command."""
    parser, shared = argparse.ArgumentParser(), argparse.ArgumentParser()
    entry.add_arguments(parser)
    add_cluster_options(shared)
    return _options(parser) - _options(shared)


def _options(parser: argparse.ArgumentParser) -> set[str]:
    return {
        name for action in parser._actions for name in action.option_strings  # noqa: SLF001
    }  # fmt: skip


def section(name: str) -> str:
    """What the page says of a command."""
    found = re.search(rf"^### `{name}`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/cli.md has no section for {name}"
    return found[1]


@names
def test_the_page_tells_every_option_and_no_other(entry: Entry) -> None:
    """docs/cli.md is what `--help` says."""
    rows = re.findall(r"^\| (`-.*?) \|", section(entry.name), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(-[-\w]+)`", row)}
    assert told == options_of(entry)


def test_the_page_tells_no_command_that_is_not_there() -> None:
    """And none twice."""
    told = re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE)
    assert sorted(told) == sorted(entry.name for entry in ENTRIES)


def test_the_page_tells_the_exit_codes_of_wait(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipeline depends on them."""
    assert User()("wait", "--help").code == 0
    helped = dict(re.findall(r"^  (\d)  (.+)$", capsys.readouterr().out, re.MULTILINE))
    told = dict(re.findall(r"^\| (\d) \| (.+) \|$", section("wait"), re.MULTILINE))
    assert told == helped
    assert sorted(told) == ["0", "1", "2", "3", "4", "5"]


@names
def test_every_command_explains_itself(entry: Entry, capsys: pytest.CaptureFixture[str]) -> None:
    """With an exit code of 0, and without a cluster."""
    user = User()
    assert user(entry.name, "--help").code == 0
    assert f"usage: kubectl leadsman {entry.name}" in capsys.readouterr().out
    assert user.targets == []


def test_without_a_command_the_help_is_shown() -> None:
    """As a wrong command line, so that a script does not take it for success."""
    result = User()()
    assert result.code == 2
    assert all(entry.does in result.stdout for entry in ENTRIES)


def test_a_command_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With those that are."""
    assert User()("undo").code == 2
    assert "'rollback'" in capsys.readouterr().err


def test_help_and_completion_load_no_client_and_no_drawing() -> None:
    """What takes a second to load is loaded by the commands that need it."""
    for arguments in (["--help"], ["wait", "--help"], ["completion", "bash"]):
        code = (
            "import sys; sys.argv = ['leadsman', *%r]\n"
            "from leadsman_operator.cli.entry import main\n"
            "code = main(); print(code, *sys.modules, file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code % arguments], capture_output=True, text=True, check=True
        )
        ended, *modules = done.stderr.split()
        assert ended == "0"
        assert {name.partition(".")[0] for name in modules} & HEAVY == set()


def completed(user: User, *words: str) -> list[str]:
    """Words that may come next, as kubectl asks for them."""
    result = user("completion", "words", "--", *words)
    *found, directive = result.stdout.splitlines()
    assert directive == ":4"
    return [line.partition("\t")[0] for line in found]


def test_commands_options_choices_and_names_are_completed() -> None:
    """By what was typed so far."""
    user = User()
    assert completed(user, "re") == ["resume", "retry"]
    assert completed(user, "promote", "--f") == ["--full"]
    assert completed(user, "wait", "churn", "--for", "") == ["promoted", "full-traffic"]
    assert "churn" in completed(user, "abort", "")
    assert "churn" not in completed(user, "abort", "churn", "")
    assert completed(user, "completion", "") == ["bash", "zsh", "fish", "words"]


def test_names_of_the_given_cluster_are_completed() -> None:
    """Options that were typed count."""
    user = User()
    assert "churn" not in completed(user, "abort", "-n", "other", "")
    completed(user, "abort", "--context", "prod", "")
    assert user.targets[-1].context == "prod"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(shell: str) -> None:
    """It asks this program for the words."""
    script = User()("completion", shell).stdout
    assert "leadsman completion words --" in script


def test_the_script_for_bash_completes() -> None:
    """Sourced by a real bash."""
    script = User()("completion", "bash").stdout
    asked = (
        f"{script}\nPATH={ROOT}/.venv/bin:$PATH COMP_WORDS=(leadsman pro) COMP_CWORD=1\n"
        '_leadsman; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "promote\n"


def test_kubectl_completes_the_plugin() -> None:
    """It runs kubectl_complete-leadsman with the words typed so far, as cobra's protocol has it."""
    program = ROOT / ".venv/bin/kubectl_complete-leadsman"
    done = subprocess.run([program, "re"], capture_output=True, text=True, check=True)
    *found, directive = done.stdout.splitlines()
    assert [line.partition("\t")[0] for line in found] == ["resume", "retry"]
    assert all(line.partition("\t")[2] for line in found)
    assert directive == ":4"
    assert done.stderr == ""
