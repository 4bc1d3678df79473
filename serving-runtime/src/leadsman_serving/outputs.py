"""What the signature says of a model's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a model: a column of a type, or a tensor of a dtype."""

    name: str | None
    type: str = ""
    """MLflow's name of the type, such as `double`; empty for a tensor."""
    dtype: np.dtype[Any] | None = None
    """Of a tensor; None for a column."""
    shape: tuple[int, ...] = (-1, 1)
    """With -1 for any length; the first dimension counts the rows."""


def outputs_of(described: Sequence[Mapping[str, Any]] | None) -> tuple[Output, ...]:
    """The outputs of a signature; empty without one, or where it can't be read."""
    try:
        return tuple(map(_output, described or ()))
    except (KeyError, TypeError, ValueError):
        return ()  # it only describes: the model answers all the same


def _output(described: Mapping[str, Any]) -> Output:
    spec = described.get("tensor-spec")
    if spec is None:
        return Output(described.get("name"), str(described["type"]))
    kind = np.dtype("U" if spec["dtype"] in ("str", "object") else spec["dtype"])
    return Output(described.get("name"), dtype=kind, shape=tuple(spec["shape"]))
