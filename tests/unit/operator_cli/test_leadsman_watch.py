"""`kubectl leadsman status --watch`: at each change in a pipe, in place on a terminal."""

from __future__ import annotations

import json

from support.world_user import User

INTERRUPTED = 130


def serving(patience: int) -> User:
    """Version 1 serves, version 2 has just got the alias, and Ada interrupts after a while."""
    user = User()
    user.sim.registry.aliases["champion"] = user.sim.register("good")
    user.go_on(30)
    user.sim.registry.aliases["champion"] = user.sim.register("errors")
    user.patience = patience
    return user


def test_a_pipe_gets_a_line_at_each_change() -> None:
    """From the version that serves to the one that was rolled back, and none twice in a row."""
    result = serving(40)("status", "--watch")
    assert result.code == INTERRUPTED
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith("churn")]
    phases = [row[1] for row in rows]
    assert phases[0] == "Stable"
    assert phases[-1] == "RolledBack"
    assert phases.index("RollingOut") < phases.index("RollingBack")
    assert 4 <= len(rows) < 40


def test_nothing_new_is_nothing_written() -> None:
    """The same lines are not repeated where nothing happens."""
    user = serving(10)
    user.operator_runs = False
    lines = user("status", "-w").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", "churn"]


def test_one_is_watched_with_its_page() -> None:
    """Its evidence too."""
    result = serving(40)("status", "churn", "--watch")
    assert result.code == INTERRUPTED
    assert "verdict" in result.stdout
    assert "rolled back from version 2 to 1" in result.stdout


def test_a_terminal_is_written_in_place() -> None:
    """It is cleared before each look, for ages go on."""
    user = serving(3)
    user.operator_runs = False
    result = user("status", "--watch", columns=100)
    assert result.code == INTERRUPTED
    assert result.stdout.count("\x1b[2J") == result.stdout.count("PHASE") == 4


def test_programs_get_a_document_at_each_change() -> None:
    """One after the other."""
    text = serving(40)("status", "churn", "--watch", "-o", "json").stdout
    decoder, documents = json.JSONDecoder(), []
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        documents.append(document["status"]["phase"])
        text = text[end:]
    assert documents[0] == "Stable"
    assert documents[-1] == "RolledBack"
