"""In which form the cold routes refuse: that of the protocol whose path was asked."""

from __future__ import annotations

from leadsman_serving.endpoints import mlflow
from leadsman_serving.endpoints.endpoint import Refusal
from leadsman_serving.endpoints.open_inference import ROOT
from leadsman_serving.protocols import invocations, kserve, open_inference
from leadsman_serving.protocols.problem import problem_of

_FORMS: dict[str, Refusal] = {
    ROOT: open_inference.refusal,
    "/v1": kserve.refusal,
    mlflow.PATH: invocations.refusal,
}


def refusal_of(path: str) -> Refusal:
    """The form of a path's protocol; problem details where it is none of another's."""
    for root, form in _FORMS.items():
        if path == root or path.startswith(f"{root}/"):
            return form
    return problem_of
