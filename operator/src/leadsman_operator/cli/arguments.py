"""The commands of `leadsman-operator` and their options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import TextIO

from leadsman_api.labels import API_VERSION
from leadsman_operator.cli.report import as_json, as_text
from leadsman_operator.cli.validate import Unreadable, validate_paths

_EXIT_CODES = """\
exit codes:
  0  every resource is valid
  1  something is wrong: each line says where, and what to write instead
  2  a file can't be read, or the command line is wrong
"""


def run(arguments: Sequence[str] | None, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Carry out one command; return the exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "version":
        stdout.write(f"leadsman-operator {metadata.version('leadsman-operator')} {API_VERSION}\n")
        return 0
    return _validate(options, stdin, stdout, stderr)


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


def main() -> int:
    """Run with the arguments and streams of the process."""
    return run(None, sys.stdin, sys.stdout, sys.stderr)
