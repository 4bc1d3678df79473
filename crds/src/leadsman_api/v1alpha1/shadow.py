"""How requests are copied: apart from the rest of a rollout, which no server needs to start."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from leadsman_api.contract import Contract


class Shadow(Contract):
    """How requests are copied to a candidate that answers to nobody; settled as its pods start."""

    percent: Annotated[int, Field(ge=1, le=100)] = 100
    """Percent of the copies that are answered; the candidate's pods drop the others unread."""
    tolerance: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Part of the larger of two numbers by which answers may differ and still be the same."""
