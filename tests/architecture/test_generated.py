"""Generated files are what the models say, and a file that is not is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from leadsman_api.crdgen.__main__ import main
from leadsman_api.crdgen.files import generated_files
from support.repository import ROOT

GENERATED = generated_files()


@pytest.mark.parametrize("path", GENERATED)
def test_committed_files_are_up_to_date(path: str) -> None:
    """What is committed is what `make generate` would write."""
    assert (ROOT / path).read_text(encoding="utf-8") == GENERATED[path]


def test_generating_twice_gives_the_same() -> None:
    """The generator depends on the models alone: no order of sets, no time of day."""
    assert generated_files() == GENERATED


def test_a_stale_file_is_named_and_repaired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` writes nothing and names what is stale; without it that file alone is written."""
    assert main([str(tmp_path)]) == 0
    stale = tmp_path / "crds/manifests/trainingruns.yaml"
    stale.write_text("kind: Other\n")
    capsys.readouterr()

    assert main([str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().out == f"out of date: {stale}\n"
    assert stale.read_text() == "kind: Other\n"

    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"written: {stale}\n"
    assert main([str(tmp_path), "--check"]) == 0
