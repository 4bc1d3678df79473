"""`run`: the operator itself, one replica of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, MutableMapping

from leadsman_operator.errors import EdgeError
from leadsman_operator.logs import configure_logs
from leadsman_operator.settings import InvalidSettings, Settings, forget_credentials
from leadsman_operator.side_ports import PortUnavailable

_logger = logging.getLogger(__name__)


def run_operator(environment: MutableMapping[str, str], log_format: str | None) -> int:
    """Run until told to end; 0 after that, 1 when it can't go on, 2 when a setting is wrong."""
    configure_logs("INFO", log_format or "json")
    try:
        settings = _settings(environment, log_format)
    except InvalidSettings as error:
        _logger.error("Invalid settings: %s", error)  # noqa: TRY400 - the text says it all
        return 2
    forget_credentials(environment)
    configure_logs(settings.log_level, settings.log_format)
    # Only here: a wrong setting is told at once, before libraries take seconds to load.
    from leadsman_operator.process import live  # noqa: PLC0415

    try:
        return asyncio.run(live(settings))
    except (EdgeError, PortUnavailable) as error:
        _logger.error("Can't run: %s", error)  # noqa: TRY400 - the text says it all
    except Exception:
        _logger.exception("Ended by an error that nobody foresaw.")
    return 1


def _settings(environment: Mapping[str, str], log_format: str | None) -> Settings:
    given = dict(environment)
    if log_format is not None:
        given["LEADSMAN_LOG_FORMAT"] = log_format
    return Settings.from_environment(given)
