# mypy: ignore-errors
"""A LitServe app: the model runs in a process of its own."""

import os
from typing import Any

import litserve
from loaded import TUNED, Loaded


class Benched(litserve.LitAPI):
    """One model."""

    def setup(self, device: str) -> None:
        """Read the estimator."""
        del device
        self.model = Loaded()

    def decode_request(self, request: dict[str, Any]) -> list[Any]:
        """The row."""
        return request["features"]

    def predict(self, row: list[Any]) -> int:
        """Its label."""
        return self.model.predict([row])[0]

    def encode_response(self, output: int) -> dict[str, int]:
        """The body."""
        return {"prediction": output}


if __name__ == "__main__":
    options = {"fast_queue": True} if TUNED else {}
    server = litserve.LitServer(Benched(), accelerator="cpu", **options)
    quiet = {"log_level": "warning", "access_log": False} if TUNED else {}
    server.run(port=int(os.environ["BENCH_PORT"]), generate_client_file=False, **quiet)
