"""`lineage`: what a version was made from, as the registry keeps it."""

from __future__ import annotations

import argparse

from leadsman_operator.cli.failures import USAGE, Failure
from leadsman_operator.cli.options import add_output
from leadsman_operator.cli.surroundings import Surroundings

_URI = "MLFLOW_TRACKING_URI"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Show what a version was made from: data, code, study, trigger, seed, the champion of that"
        " time and every number of the gate. The registry is asked, not the cluster: what it keeps"
        " outlives the TrainingRun. Credentials are MLflow's own variables."
    )
    parser.add_argument("model", metavar="MODEL", help="name of the registered model")
    parser.add_argument("version", metavar="VERSION", help="number of the version, or an alias")
    parser.add_argument(
        "--tracking-uri", metavar="URI", help=f"address of MLflow (default: {_URI})"
    )
    add_output(parser)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Write it."""
    address = options.tracking_uri or surroundings.environment.get(_URI)
    if not address:
        raise Failure(
            f"write --tracking-uri or set {_URI}: where MLflow answers, such as"
            " http://127.0.0.1:5000 after `kubectl -n mlflow port-forward svc/mlflow 5000`",
            USAGE,
        )
    # Only here: MLflow's client takes seconds to load.
    from leadsman_operator.adapters.lineage import read_making  # noqa: PLC0415
    from leadsman_operator.cli.lineage_view import content_of, told  # noqa: PLC0415
    from leadsman_operator.cli.paper import as_data, show  # noqa: PLC0415
    from leadsman_operator.errors import EdgeError  # noqa: PLC0415

    try:
        content = content_of(read_making(address, options.model, options.version))
    except EdgeError as error:
        raise Failure(error.message) from error
    if "data" not in content and "training" not in content:
        raise Failure(f"{options.model} version {options.version}: nothing was recorded of it")
    if options.output == "text":
        show(surroundings, list(told(content)))
    else:
        as_data(surroundings, options.output, content)
    return 0
