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


def test_a_stale_file_is_named_and_repaired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` writes nothing and names what is stale; without it that file alone is written."""
    for path, text in GENERATED.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    stale = tmp_path / "crds/manifests/trainingruns.yaml"
    stale.write_text("kind: Other\n")

    assert main([str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().out == f"out of date: {stale}\n"
    assert stale.read_text() == "kind: Other\n"

    # That the others are found up to date also shows that generating twice gives the same.
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"written: {stale}\n"
    assert stale.read_text() == GENERATED["crds/manifests/trainingruns.yaml"]
