"""`kubectl leadsman`, from its command line to its exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TextIO

from leadsman_operator.cli.failures import USAGE, Failure
from leadsman_operator.cli.options import add_cluster_options
from leadsman_operator.cli.table import ENTRIES, entry_of

if TYPE_CHECKING:
    from leadsman_operator.cli.surroundings import Surroundings

INTERRUPTED = 130
_WITH_VALUE = ("-n", "--namespace", "--context", "--kubeconfig")
_DESCRIPTION = "See, steer and explain the rollouts of Leadsman."
_EPILOG = """\
`%(prog)s COMMAND --help` tells the options and exit codes of a command.
NO_COLOR=1 turns colours off; in a pipe the text is plain.
"""


def run(arguments: Sequence[str], surroundings: Surroundings) -> int:
    """Carry out one command; gives the exit code."""
    chosen = _chosen(arguments)
    parser = _parser(surroundings.program, chosen)
    if not arguments:
        parser.print_help(surroundings.stdout)
        return USAGE
    try:
        options = parser.parse_args(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    entry = entry_of(options.command)
    if entry is None:
        raise ValueError(f"argparse let {options.command} pass")
    return _carried_out(lambda: entry.run(options, surroundings), surroundings.stderr)


def _carried_out(command: Callable[[], int], stderr: TextIO) -> int:
    try:
        return command()
    except Failure as failure:
        stderr.write(f"{failure}\n")
        return failure.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read has enough; Python would complain again when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _chosen(arguments: Sequence[str]) -> str | None:
    """The command: the first word that is no option and no value of one."""
    before = ""
    for word in arguments:
        if not word.startswith("-") and before not in _WITH_VALUE:
            return word
        before = word
    return None


def _parser(program: str, chosen: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_cluster_options(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for entry in ENTRIES:
        command = commands.add_parser(
            entry.name,
            help=entry.does,
            description=f"{entry.does[0].upper()}{entry.does[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if entry.name == chosen:
            entry.add_arguments(command)
    return parser
