"""`simulate`: what a rollout would do on traffic to come, thousands of times."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from leadsman_operator.cli import given

if TYPE_CHECKING:
    from leadsman_operator.cli.surroundings import Surroundings

RULES = ("leadsman", "argo", "flagger", "relative")
_EPILOG = """\
rules:
  leadsman  the judge of the operator, with the plan of the file or of the options; set health.judge
            as judge.rule, interval, failures, initialDelay, count
  argo      Argo Rollouts as its documentation shows it: 20, 40, 60, 80 percent for 10 minutes
            each, success of at least 95 percent every 5 minutes from the fifth on,
            failureLimit 3; set weights, pause, initialDelay, interval, success, failure,
            failureLimit, inconclusiveLimit, consecutiveErrorLimit, count
  flagger   Flagger as its tutorials show it: 5 percent more each minute up to 50, success of at
            least 99 percent, 99th percentile of at most 500 ms where times are forecast,
            threshold 10; set interval, threshold, stepWeight, maxWeight, success, duration,
            ratio, margin
  relative  Flagger's steps with a check against the stable revision, as an expert would write it:
            5 checks with more than 1.5 times its errors and half a percent; set as for flagger

examples:
  kubectl leadsman simulate --rate 200 --stable-errors 0.015 --candidate-errors 0.05
  kubectl leadsman simulate -f churn.yaml --rate 5 --stable-errors 0.01 --rule all --plot churn.svg
  kubectl leadsman simulate --rate 20 --rule argo --set argo.interval=1m --set argo.failureLimit=5
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Try a rollout on traffic to come, thousands of times, with the judge of the operator and"
        " with the rules of others. Neither a cluster nor a Prometheus is needed."
    )
    parser.epilog = _EPILOG
    traffic = parser.add_argument_group("traffic")
    _add_answers(traffic)
    _add_changes(traffic)
    _add_sight(parser.add_argument_group("what is seen of it"))
    _add_plan(parser.add_argument_group("the plan (over what the file says)"))
    _add_report(parser)


def _add_answers(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--rate", type=given.positive, metavar="N",
        help="requests per second, both revisions together (default: what the file's scaling is"
        " made for)",
    )  # fmt: skip
    group.add_argument(
        "--stable-errors", type=given.share, default=0.01, metavar="SHARE",
        help="share of answers that fail at the stable revision (default: 0.01)",
    )  # fmt: skip
    group.add_argument(
        "--candidate-errors", type=given.share, metavar="SHARE",
        help="the same at the candidate (default: a healthy one, as many as at the stable one)",
    )  # fmt: skip
    for name, what in (("p50", "median"), ("p99", "99th percentile")):
        group.add_argument(
            f"--stable-{name}", type=given.duration, metavar="TIME",
            help=f"{what} of the stable revision's times to answer, such as 20ms",
        )  # fmt: skip
    group.add_argument(
        "--slowdown", type=given.positive, default=1.0, metavar="TIMES",
        help="so many times as long takes the candidate to answer (default: 1)",
    )  # fmt: skip


def _add_changes(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--worsens-after", type=given.duration, default=0.0, metavar="TIME",
        help="the candidate is healthy for so long (default: 0s)",
    )  # fmt: skip
    group.add_argument(
        "--daily", type=given.share, default=0.0, metavar="PART",
        help="part of the rate by which it goes up and down in a day (default: 0)",
    )  # fmt: skip
    group.add_argument(
        "--cv", type=given.cv, default=0.0, metavar="CV",
        help="burstiness: coefficient of variation of each revision's share of bad answers"
        " (default: 0, pure chance)",
    )  # fmt: skip
    group.add_argument(
        "--persistence", type=given.duration, default=0.0, metavar="TIME",
        help="how long bursts last (default: 0s, less than a scrape interval)",
    )  # fmt: skip
    group.add_argument(
        "--restarts", type=given.not_negative, default=0.0, metavar="N",
        help="restarts of pods per hour and revision (default: 0)",
    )  # fmt: skip
    group.add_argument(
        "--downtime", type=given.duration, metavar="TIME",
        help="how long nothing serves in a Swap, until a pod is ready (default: the longest that"
        " is allowed, half of the file's downtimeBudget)",
    )  # fmt: skip


def _add_sight(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--scrape-interval", type=given.interval, metavar="TIME",
        help="time between two looks at the counters (default: the file's, or 15s)",
    )  # fmt: skip
    group.add_argument(
        "--missing", type=given.share, default=0.0, metavar="SHARE",
        help="share of looks that show nothing (default: 0)",
    )  # fmt: skip
    group.add_argument(
        "--outage", type=given.outage, action="append", default=[], metavar="BEGIN+LENGTH",
        help="Prometheus does not answer, such as 5m+10m; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--history", type=given.duration, default=7200.0, metavar="TIME",
        help="how long the stable revision was watched before (default: 2h)",
    )  # fmt: skip
    group.add_argument(
        "--history-interval", type=given.interval, metavar="TIME",
        help="time between two looks of that time, 5m without a Prometheus"
        " (default: that of --scrape-interval)",
    )  # fmt: skip


def _add_plan(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-f", "--filename", metavar="FILE", help="a ModelDeployment, or - for standard input"
    )
    group.add_argument("--steps", type=given.steps, metavar="PERCENTS", help="such as 10,30,60")
    for field in ("minimum-step-time", "deadline", "bake"):
        group.add_argument(
            f"--{field}", type=given.written_duration, metavar="TIME",
            help=f"spec.rollout.{_camel(field)}",
        )  # fmt: skip
    group.add_argument(
        "--on-undecided", choices=("Promote", "RollBack", "Pause"), help="spec.rollout.onUndecided"
    )
    group.add_argument(
        "--false-rollback-rate", type=given.share, metavar="SHARE",
        help="spec.health.falseRollbackRate",
    )  # fmt: skip


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rule", choices=(*RULES, "all"), default="leadsman",
        help="who decides (default: leadsman)",
    )  # fmt: skip
    parser.add_argument(
        "--set", type=given.setting, action="append", default=[], metavar="RULE.SETTING=VALUE",
        help="another setting of a rule; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--rollouts", type=given.count, default=10_000, metavar="N",
        help="how many (default: 10000)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="other numbers of chance (default: 1)"
    )
    parser.add_argument(
        "--curve", action="store_true", help="the same at 1 to 2000 requests per second too"
    )
    parser.add_argument(
        "--plot", type=given.picture, metavar="FILE", help="draw the curve as FILE.svg or FILE.png"
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text",
        help="text for people (default), json for programs",
    )  # fmt: skip


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Simulate, and write what came of it."""
    # Only here: numpy takes its time to load.
    from leadsman_operator.cli.forecasting import report_of  # noqa: PLC0415
    from leadsman_operator.cli.simulate_view import write  # noqa: PLC0415

    report = report_of(options, surroundings)
    if options.plot is not None:
        from leadsman_operator.cli.curve_picture import draw  # noqa: PLC0415

        draw(report, options.plot)
    write(surroundings, report, options.output)
    return 0


def _camel(field: str) -> str:
    first, *others = field.split("-")
    return first + "".join(word.title() for word in others)
