# mypy: ignore-errors
"""A BentoML service."""

import bentoml
from loaded import TUNED, Loaded

QUIET = {
    "workers": 1,
    "logging": {"access": {"enabled": False}},
    "metrics": {"enabled": False},
    "tracing": {"sample_rate": 0.0},
}


@bentoml.service(name="benched", **(QUIET if TUNED else {}))
class Benched:
    """One model, one method."""

    def __init__(self) -> None:
        self.model = Loaded()

    if TUNED:

        @bentoml.api
        async def predict(self, features: list[float | str]) -> int:
            """No hop to a thread."""
            return self.model.predict([features])[0]

    else:

        @bentoml.api
        def predict(self, features: list[float | str]) -> int:
            """As the tutorial has it."""
            return self.model.predict([features])[0]
