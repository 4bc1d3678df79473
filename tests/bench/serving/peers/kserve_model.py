# mypy: ignore-errors
"""A custom model of the KServe SDK, which takes its options from the command line."""

from typing import Any

from kserve import Model, ModelServer
from loaded import Loaded


class Benched(Model):
    """Protocol v1: instances in, predictions out."""

    def load(self) -> bool:
        """Read the estimator."""
        self.model = Loaded()
        self.ready = True
        return True

    def predict(
        self, payload: dict[str, Any], headers: object = None, response_headers: object = None
    ) -> dict[str, list[int]]:
        """All instances at once."""
        del headers, response_headers
        return {"predictions": self.model.predict(payload["instances"])}


if __name__ == "__main__":
    served = Benched("model")
    served.load()
    ModelServer().start([served])
