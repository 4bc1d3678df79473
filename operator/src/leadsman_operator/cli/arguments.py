"""The commands of `leadsman-operator` and their options."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import TextIO

from leadsman_api.labels import API_VERSION
from leadsman_operator.cli.report import as_json, as_text
from leadsman_operator.cli.validate import Unreadable, validate_paths
from leadsman_operator.settings import describe_settings

_EXIT_CODES = """\
exit codes:
  0  every resource is valid
  1  something is wrong: each line says where, and what to write instead
  2  a file can't be read, or the command line is wrong
"""

_RUN_EXIT_CODES = """\
exit codes:
  0  it was told to end, and has
  1  it can't go on, or may not: another replica leads
  2  a setting is wrong: the log names each, and says what to write
"""


def run(arguments: Sequence[str] | None, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Carry out one command; return the exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "version":
        stdout.write(f"leadsman-operator {metadata.version('leadsman-operator')} {API_VERSION}\n")
        return 0
    if options.command == "run":
        return _run(options)
    return _validate(options, stdin, stdout, stderr)


def _run(options: argparse.Namespace) -> int:
    # Only here: its libraries take seconds to load, which the other commands need not wait for.
    from leadsman_operator.cli.run import run_operator  # noqa: PLC0415

    return run_operator(os.environ, options.log_format)


def _validate(options: argparse.Namespace, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    try:
        report = validate_paths(options.files, stdin)
    except Unreadable as error:
        stderr.write(f"{error}\n")
        return 2
    stdout.write(as_json(report) if options.output == "json" else as_text(report))
    return 1 if report.findings else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="leadsman-operator", description="The operator of Leadsman, and its tools."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands)
    validate = commands.add_parser(
        "validate",
        help="check resources without a cluster",
        description="Check ModelDeployments and TrainingRuns as the API server would, without one."
        " Resources of other kinds are skipped.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    validate.add_argument(
        "-f", "--filename", dest="files", action="append", required=True, metavar="FILE",
        help="a file, a folder with all below it, or - for standard input; may be repeated",
    )  # fmt: skip
    validate.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="text (default) or json"
    )
    commands.add_parser("version", help="print the version of the operator and of its API")
    return parser


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run_command = commands.add_parser(
        "run",
        help="run the operator",
        description="Run one replica of the operator: the one that holds the Lease acts."
        " The environment sets how:",
        epilog=f"{describe_settings()}\n\n{_RUN_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run_command.add_argument(
        "--log-format", choices=("json", "text"),
        help="json for machines, text for people (default: LEADSMAN_LOG_FORMAT)",
    )  # fmt: skip


def main() -> int:
    """Run with the arguments and streams of the process."""
    return run(None, sys.stdin, sys.stdout, sys.stderr)
