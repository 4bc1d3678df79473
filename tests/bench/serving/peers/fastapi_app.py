# mypy: ignore-errors
"""What most people write by hand. With defaults: a plain function, which runs on a thread."""

from fastapi import FastAPI
from loaded import TUNED, Loaded
from pydantic import BaseModel

app = FastAPI()
model = Loaded()


class Row(BaseModel):
    """One row."""

    features: list[float | str]


class Answer(BaseModel):
    """One label."""

    prediction: int


if TUNED:

    @app.post("/predict")
    async def predict_on_the_loop(row: Row) -> Answer:
        """No hop to a thread."""
        return Answer(prediction=model.predict([row.features])[0])

else:

    @app.post("/predict")
    def predict(row: Row) -> Answer:
        """As the tutorial has it."""
        return Answer(prediction=model.predict([row.features])[0])
