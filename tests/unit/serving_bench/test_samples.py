"""What the benchmark keeps between runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.serving.samples import Kept, Sample, merged, read, write
from support.bench_samples import FIRST, SECOND, run, sample


def kept_of(*samples: Sample) -> Kept:
    """All samples merged one after the other."""
    kept = Kept()
    for one in samples:
        kept = merged(kept, run(one.run), one)
    return kept


def test_rounds_of_one_run_stand_side_by_side() -> None:
    """Each round of a run adds a sample."""
    kept = kept_of(sample("asgi-tuned", 10, turn=1), sample("asgi-tuned", 20, turn=2))

    assert [one.round for one in kept.samples] == [1, 2]


def test_a_new_run_displaces_the_same_server_and_model_only() -> None:
    """The first sample of a new run displaces the old rounds; other servers and models stay."""
    kept = kept_of(
        sample("asgi-tuned", 10, turn=1),
        sample("asgi-tuned", 10, turn=2),
        sample("mlflow-tuned", 5),
        sample("asgi-tuned", 7, model="forest"),
        sample("asgi-tuned", 20, began=SECOND),
    )

    assert [(one.run, one.model, one.server) for one in kept.samples] == [
        (FIRST, "logistic", "mlflow-tuned"),
        (FIRST, "forest", "asgi-tuned"),
        (SECOND, "logistic", "asgi-tuned"),
    ]
    assert set(kept.runs) == {FIRST, SECOND}


def test_a_run_without_samples_is_forgotten() -> None:
    """When all samples of a run are displaced, the page tells of it no more."""
    kept = kept_of(sample("asgi-tuned", 10), sample("asgi-tuned", 20, began=SECOND))

    assert set(kept.runs) == {SECOND}


def test_a_round_that_is_measured_again_counts_once() -> None:
    """The same round of the same run displaces itself."""
    kept = kept_of(sample("asgi-tuned", 10), sample("asgi-tuned", 20))

    assert [one.loads[16].rps for one in kept.samples] == [20]


def test_a_resumed_run_knows_what_it_has() -> None:
    """A turn is there only for its own run, model, server and round."""
    kept = kept_of(sample("asgi-tuned", 10, turn=2))

    assert kept.has(run(), "logistic", "asgi-tuned", 2)
    assert not kept.has(run(), "logistic", "asgi-tuned", 1)
    assert not kept.has(run(), "forest", "asgi-tuned", 2)
    assert not kept.has(run(SECOND), "logistic", "asgi-tuned", 2)


def test_a_run_is_resumed_only_with_the_same_code_and_machine() -> None:
    """The time may differ, anything else may not."""
    assert run(SECOND).continues(run())
    assert not replace(run(SECOND), revision="other").continues(run())
    assert not replace(run(SECOND), machine="other").continues(run())


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Samples come back from the file as they were, and a missing file is an empty one."""
    kept = kept_of(sample("asgi-tuned", 10), replace(sample("mlflow-tuned", 5), failure="why"))

    write(tmp_path / "kept.json", kept)

    assert read(tmp_path / "kept.json") == kept
    assert read(tmp_path / "none.json") == Kept()
