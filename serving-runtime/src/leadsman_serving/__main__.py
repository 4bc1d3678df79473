"""The processes of a serving pod: signals, settings, logs, then the server or the fetch step."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leadsman_serving.settings import Settings

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> int:
    """Run the server or the fetch step.

    0 after a drain, 1 when model or port can't be had, 2 when a setting is wrong.
    """
    # Before the imports that take their time: the first process of a container ignores
    # signals that it does not handle, and a pod deleted early would hang until it is killed.
    signal.signal(signal.SIGTERM, _leave)
    # Read by numeric libraries when they are loaded: pods scale, not threads.
    for variable in _THREADS:
        os.environ.setdefault(variable, "1")
    # A thread that waits for work must not use up the pod's quota meanwhile.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from leadsman_serving.errors import InvalidSettings  # noqa: PLC0415
    from leadsman_serving.logs import configure_logs  # noqa: PLC0415
    from leadsman_serving.settings import Settings, describe_settings  # noqa: PLC0415

    command = _read_arguments(describe_settings())
    configure_logs("INFO")
    logger = logging.getLogger("leadsman_serving")
    try:
        settings = Settings.from_environment(os.environ)
        configure_logs(settings.log_level)
        return _PROGRAMS[command](settings)
    except InvalidSettings as error:
        logger.error("Invalid settings: %s", error)  # noqa: TRY400 - the text says it all
        return 2


def _fetch(settings: Settings) -> int:
    from leadsman_serving.fetch.step import run  # noqa: PLC0415

    return run(settings)


def _compile(settings: Settings) -> int:
    from leadsman_serving.plans.step import run  # noqa: PLC0415

    return run(settings)


def _measure(settings: Settings) -> int:
    from leadsman_serving.measure import run  # noqa: PLC0415

    return run(settings)


def _serve(settings: Settings) -> int:
    began = time.monotonic()
    from leadsman_serving.errors import ModelRefused, PortUnavailable  # noqa: PLC0415
    from leadsman_serving.server import run  # noqa: PLC0415

    logger = logging.getLogger("leadsman_serving")
    seconds = time.monotonic() - began
    logger.info("Imported.", extra={"seconds": round(seconds, 3)})
    try:
        run(settings, seconds)
    except ModelRefused as error:
        logger.error("%s: %s", error.reason, error.message)  # noqa: TRY400 - says it all
        return 1
    except PortUnavailable as error:
        logger.error("%s", error)  # noqa: TRY400 - the text says it all
        return 1
    return 0


_PROGRAMS = {"serve": _serve, "fetch": _fetch, "compile": _compile, "measure": _measure}


def _read_arguments(settings: str) -> str:
    """Which of the two programs; all else is set by the environment."""
    parser = argparse.ArgumentParser(
        prog="leadsman-serving",
        description="Answers predictions over HTTP. The environment sets how:",
        epilog=settings,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command",
        nargs="?",
        default="serve",
        choices=tuple(_PROGRAMS),
        help="serve (default): answer predictions; fetch: get the model's files, check and compile"
        " them; compile: only compile files that are there; measure: time one row of them",
    )
    return str(parser.parse_args().command)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """Nothing is served yet: there is nothing to drain."""
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
