"""The evaluation as one page that needs nothing else: for a browser, and as MLflow shows it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from leadsman_api.v1alpha1.training_run_status import GateStatus
from leadsman_training.report.evaluation import CONFIDENCE, Evaluation
from leadsman_training.report.pictures import Picture


def page(
    title: str,
    facts: Mapping[str, str],
    parameters: Mapping[str, Any],
    verdict: GateStatus,
    found: Evaluation,
    drawn: Sequence[Picture],
) -> str:
    """The page; `facts` are told at its top."""
    environment = Environment(
        loader=PackageLoader("leadsman_training.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    return environment.get_template("page.html.j2").render(
        title=title, facts=facts, parameters=parameters, verdict=verdict, found=found,
        confidence=f"{CONFIDENCE:.0%}", pictures=[(one, _address(one)) for one in drawn],
    )  # fmt: skip


def _number(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _address(picture: Picture) -> str:
    """The picture itself as an address: of pictures that stand in the page names would meet."""
    return f"data:image/svg+xml;base64,{base64.b64encode(picture.svg.encode()).decode()}"
