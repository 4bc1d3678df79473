"""The data sets of the benchmark of quality, all of them part of scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """One search that a user would write."""

    data: str
    metric: str
    """What is searched for and compared on held-out rows; less is better."""
    error: str
    """What the simple baseline is beaten in: a metric of errors, or `accuracy` for one minus it."""
    algorithm: str = "auto"

    def spec(self, sampler: str, trials: int, seed: int) -> dict[str, Any]:
        """The TrainingRun's; the seed parts the rows too."""
        return {
            "model": {"name": self.data},
            "data": {"source": {"uri": f"sklearn://{self.data}"}, "target": "target"},
            "trainer": {"algorithm": self.algorithm},
            "objective": {"metric": self.metric, "direction": "minimize"},
            "search": {"trials": trials, "parallelism": 1, "seed": seed, "sampler": sampler},
        }


CASES = (
    Case("breast_cancer", "log_loss", "accuracy"),
    Case("wine", "log_loss", "accuracy"),
    Case("digits", "log_loss", "accuracy", algorithm="ExtraTrees"),
    Case("diabetes", "rmse", "rmse"),
)
"""With every algorithm, a search over digits takes an hour: ten classes are ten boosted models."""
