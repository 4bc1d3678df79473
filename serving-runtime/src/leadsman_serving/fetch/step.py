"""The fetch step as a program."""

from __future__ import annotations

import logging
from pathlib import Path

from leadsman_api.reasons import Reason
from leadsman_api.termination import Termination
from leadsman_serving.errors import InvalidSettings, ModelRefused
from leadsman_serving.extras import lacking
from leadsman_serving.last_words import write_last_words
from leadsman_serving.model_file import read_model_file
from leadsman_serving.plans.stored import PlanFile
from leadsman_serving.policy import check
from leadsman_serving.requirements import differences
from leadsman_serving.settings import Settings, variable_of

CODE = "python_function"
_LONGEST_BECAUSE = 500
_NEEDED = ("model_dir", "model_name", "model_version")
_logger = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Fetch and check; 0 when the server may start, 1 when it may not."""
    missing = [variable_of(name) for name in _NEEDED if not getattr(settings, name)]
    if missing:
        raise InvalidSettings(f"fetch needs {', '.join(missing)}")
    from leadsman_serving.plans.step import compiled_apart  # noqa: PLC0415 - takes its time

    try:
        folder, digest = _fetched(settings)
        file = read_model_file(folder)
        flavor = check(file, settings.loading)
    except ModelRefused as error:
        _logger.error("%s: %s", error.reason, error.message)  # noqa: TRY400 - says it all
        said = Termination(reason=error.reason, message=error.message[:1024])
        write_last_words(settings.termination_path, said)
        return 1
    for difference in differences(file, flavor):
        _logger.warning("Versions differ: %s.", difference)
    plan = compiled_apart(settings) if flavor != CODE else None
    backend = plan.backend if plan else flavor
    message = f"version {settings.model_version} of {settings.model_name} has flavor {flavor}"
    said = Termination(
        reason=Reason.VERIFIED,
        message=message,
        digest=digest,
        backend=backend,
        backend_because=_because(plan),
        largest_difference=plan.largest_difference if plan else None,
    )
    write_last_words(settings.termination_path, said)
    _logger.info("Verified.", extra={"flavor": flavor, "backend": backend, "digest": digest})
    return 0


def _fetched(settings: Settings) -> tuple[Path, str]:
    """The folder of the files and their digest; ModelRefused also where the client is missing."""
    try:
        from leadsman_serving.fetch.download import fetch  # noqa: PLC0415 - takes its time
    except ModuleNotFoundError as error:
        raise lacking(str(error.name), "the fetch step") from error
    return fetch(settings)


def _because(plan: PlanFile | None) -> str:
    """Why this engine serves, as a sentence for the status."""
    if plan is None:
        return "no plan was proven equal to the original: the fetch step's log says why"
    refused = f"; refused: {'; '.join(plan.refused)}" if plan.refused else ""
    return f"proven equal to the original on {plan.rows} rows{refused}"[:_LONGEST_BECAUSE]
