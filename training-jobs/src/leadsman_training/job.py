"""The programs of a training pod, from their start to their last words."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType

from leadsman_api.reasons import Reason
from leadsman_api.termination import TERMINATION_PATH, ExitCode, Termination
from leadsman_api.v1alpha1.training_run_status import ReproductionVerdict
from leadsman_training.errors import NoUse, Preempted, ThisWorker
from leadsman_training.logs import configure_logs
from leadsman_training.settings import TERMINATION, read_settings

_logger = logging.getLogger(__name__)


def run(command: str, environment: Mapping[str, str]) -> int:
    """Run `work`, `conclude` or `reproduce`; gives the exit code by which the Job goes on."""
    configure_logs(sys.stderr)
    signal.signal(signal.SIGTERM, _leave)
    path = environment.get(TERMINATION, TERMINATION_PATH)
    try:
        said = _programs()[command](environment)
    except NoUse as error:
        return _end(path, ExitCode.NO_USE, error.reason, error.message)
    except ThisWorker as error:
        return _end(path, ExitCode.THIS_WORKER, error.reason, error.message)
    except Preempted:
        return _end(path, ExitCode.PREEMPTED, Reason.PREEMPTED, "the pod was told to go")
    return _end(path, ExitCode.DONE, said.reason, said.message, said.digest)


def work(environment: Mapping[str, str]) -> Termination:
    """Take trial after trial until the search has ended."""
    from leadsman_training import search  # noqa: PLC0415 - slow to import

    settings = read_settings(environment)
    end, trials = search.work(settings)
    if end is Reason.SEARCHING:
        more = "no trial waits for more memory"
        once = "this pod is for one trial at most, the search goes on"
        return Termination(reason=end, message=once if settings.is_for_one_trial else more)
    return Termination(reason=end, message=f"the search ended after {trials} trials")


def conclude(environment: Mapping[str, str]) -> Termination:
    """Fit the best parameters, judge the model and register it."""
    from leadsman_training import search  # noqa: PLC0415 - slow to import

    settings = read_settings(environment)
    found = search.conclude(settings)
    name = settings.resource.spec.model.name
    verdict = "passed" if found.gate.passed else "did not pass"
    message = f"version {found.model_version} of {name} is registered and {verdict} the gate"
    return Termination(reason=Reason.REGISTERED, message=message, digest=found.digest)


def reproduce(environment: Mapping[str, str]) -> Termination:
    """Train a version again and compare."""
    from leadsman_training import search  # noqa: PLC0415 - slow to import

    found = search.reproduce(read_settings(environment)).reproduction
    reason = _REPRODUCED[found.verdict]
    message = f"{reason}; differs: {found.first_difference or 'nothing that the pod sees'}"
    return Termination(reason=reason, message=message)


_REPRODUCED = {
    ReproductionVerdict.EXACT: Reason.REPRODUCED_EXACTLY,
    ReproductionVerdict.STATISTICAL: Reason.REPRODUCED_STATISTICALLY,
    ReproductionVerdict.NOT_REPRODUCIBLE: Reason.NOT_REPRODUCIBLE,
}


def _programs() -> Mapping[str, Callable[[Mapping[str, str]], Termination]]:
    return {"work": work, "conclude": conclude, "reproduce": reproduce}


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """Raised where the process is: a trial fails there, and says that it was taken away."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Preempted


def _end(path: str, code: ExitCode, reason: Reason, message: str, digest: str | None = None) -> int:
    said = Termination(reason=reason, message=message[:1024], digest=digest)
    with suppress(OSError):
        if Path(path).parent.is_dir():
            Path(path).write_text(said.to_text(), encoding="utf-8")
    level = logging.INFO if code is ExitCode.DONE else logging.ERROR
    _logger.log(level, "%s: %s", reason, message)
    return int(code)


def main(command: str) -> int:
    """Run a program with the environment of this process."""
    return run(command, os.environ)
