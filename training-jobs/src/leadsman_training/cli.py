"""The commands of `leadsman-training` and their options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import TextIO

import yaml

from leadsman_api.labels import API_VERSION
from leadsman_api.loading import InvalidResource, parse_resource
from leadsman_api.v1alpha1 import TrainingRun
from leadsman_training.preview import as_json, as_table, sample
from leadsman_training.settings import describe_settings

_EXIT_CODES = """\
exit codes:
  0  the trials were printed
  1  the TrainingRun is invalid or has no search space
  2  the file can't be read, or the command line is wrong
"""

_JOBS = {
    "work": "take trials of a search until it has ended",
    "conclude": "fit the best parameters, judge the model and register it",
    "reproduce": "train a version again from what was recorded, and compare",
}
_JOB_EXIT_CODES = """
exit codes:
  0    done
  42   data, entrypoint or spec are wrong: trying again gives the same
  43   this worker can't go on
  143  it was told to go before its work was done
"""

_MOST_SAMPLES = 10_000
_LARGEST_SEED = 2**31 - 1


class Unusable(Exception):
    """The file holds nothing that trials could be sampled from."""


def run(arguments: Sequence[str] | None, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Carry out one command; return the exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "version":
        stdout.write(f"leadsman-training {metadata.version('leadsman-training')} {API_VERSION}\n")
        return 0
    if options.command in _JOBS:
        from leadsman_training import job  # noqa: PLC0415 - slow to import

        return job.main(options.command)
    try:
        text = stdin.read() if options.file == "-" else Path(options.file).read_text("utf-8")
        stdout.write(_space(text, options))
    except (OSError, UnicodeDecodeError) as error:
        stderr.write(f"{options.file}: {getattr(error, 'strerror', None) or 'no UTF-8 text'}\n")
        return 2
    except (InvalidResource, Unusable) as error:
        stderr.writelines(f"{options.file}: {line}\n" for line in str(error).splitlines())
        return 1
    return 0


def _space(text: str, options: argparse.Namespace) -> str:
    """The trials as they are printed."""
    training_run = _only_training_run(text)
    search = training_run.spec.search
    if search is None or search.space is None:
        raise Unusable("spec.search.space: there is no space, write the parameters to search")
    seed = search.seed if options.seed is None else options.seed
    trials = sample(search.space, trials=options.samples, seed=seed)
    name = training_run.metadata.name
    if options.output == "json":
        return as_json(str(name), seed, trials)
    title = f"TrainingRun {name}: {len(trials)} trials at random, seed {seed}\n"
    return title + as_table(search.space, trials)


def _only_training_run(text: str) -> TrainingRun:
    found = [resource for document in _documents(text) for resource in _training_runs(document)]
    if len(found) != 1:
        raise Unusable(f"holds {len(found)} TrainingRuns, not one: name a file with one of them")
    return found[0]


def _documents(text: str) -> Iterator[tuple[object, str]]:
    """Kind and text of each document, so that the contract reads them by its own rules."""
    try:
        for node in yaml.compose_all(text, yaml.SafeLoader):
            entries = node.value if isinstance(node, yaml.MappingNode) else []
            kind = next((value.value for key, value in entries if key.value == "kind"), None)
            yield kind, text[node.start_mark.index : node.end_mark.index]
    except yaml.YAMLError as error:
        raise Unusable(f"this is no YAML: {error}") from error


def _training_runs(document: tuple[object, str]) -> Iterator[TrainingRun]:
    kind, text = document
    if kind == "TrainingRun":
        resource = parse_resource(text)
        if isinstance(resource, TrainingRun):
            yield resource


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="leadsman-training", description="The training jobs of Leadsman, and their tools."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, meaning in _JOBS.items():
        commands.add_parser(
            name,
            help=meaning,
            description=f"Runs in a pod of the operator's Job: {meaning}. The environment says of"
            " which TrainingRun:",
            epilog=describe_settings() + _JOB_EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    space = commands.add_parser(
        "space",
        help="show what the trials of a search would look like",
        description="Sample trials from the search space of a TrainingRun, without training.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    space.add_argument(
        "-f", "--filename", dest="file", required=True, metavar="FILE",
        help="a file with one TrainingRun, or - for standard input",
    )  # fmt: skip
    space.add_argument("--samples", type=_count, default=5, metavar="N", help="trials (default: 5)")
    space.add_argument(
        "--seed", type=_seed, metavar="N", help="seed (default: that of the TrainingRun)"
    )
    space.add_argument("-o", "--output", choices=("table", "json"), default="table")
    commands.add_parser("version", help="print the version of the jobs and of their API")
    return parser


def _count(text: str) -> int:
    return _number(text, 1, _MOST_SAMPLES)


def _seed(text: str) -> int:
    return _number(text, 0, _LARGEST_SEED)


def _number(text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"write a number from {least} to {most}")
    return int(text)


def main() -> int:
    """Run with the arguments and streams of the process."""
    return run(None, sys.stdin, sys.stdout, sys.stderr)
