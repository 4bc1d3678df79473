"""The server process: signals, settings, logs, server."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from types import FrameType


def main() -> int:
    """Run the server; 0 after a drain, 1 without a port, 2 when a setting is wrong."""
    # Before the imports that take their time: the first process of a container ignores
    # signals that it does not handle, and a pod deleted early would hang until it is killed.
    signal.signal(signal.SIGTERM, _leave)
    from leadsman_serving.errors import InvalidSettings, PortUnavailable  # noqa: PLC0415
    from leadsman_serving.logs import configure_logs  # noqa: PLC0415
    from leadsman_serving.server import run  # noqa: PLC0415
    from leadsman_serving.settings import Settings, describe_settings  # noqa: PLC0415

    _read_arguments(describe_settings())
    configure_logs("INFO")
    logger = logging.getLogger("leadsman_serving")
    try:
        settings = Settings.from_environment(os.environ)
        configure_logs(settings.log_level)
        run(settings)
    except InvalidSettings as error:
        logger.error("Invalid settings: %s", error)  # noqa: TRY400 - the text says it all
        return 2
    except PortUnavailable as error:
        logger.error("%s", error)  # noqa: TRY400 - the text says it all
        return 1
    return 0


def _read_arguments(settings: str) -> None:
    """All is set by the environment: the one argument is `--help`, any other is refused."""
    argparse.ArgumentParser(
        prog="leadsman-serving",
        description="Answers predictions over HTTP. The environment sets how:",
        epilog=settings,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """Nothing is served yet: there is nothing to drain."""
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
