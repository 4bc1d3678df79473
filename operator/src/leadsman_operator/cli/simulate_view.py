"""What `simulate` found, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from leadsman_api.durations import format_duration
from leadsman_api.v1alpha1.rollout import Strategy
from leadsman_operator.cli.forecasting import Report, Simulated
from leadsman_operator.cli.paper import as_data, show, span, table
from leadsman_operator.forecast.rule import OperatorRule
from leadsman_operator.forecast.summary import Summary

if TYPE_CHECKING:
    from leadsman_operator.cli.surroundings import Surroundings


def write(surroundings: Surroundings, report: Report, form: str) -> None:
    """Write it all."""
    if form == "json":
        as_data(surroundings, form, _data(report))
        return
    curves = [
        [Text(f"{one.name}, by traffic", style="bold"), _curve(one)]
        for one in report.simulated
        if one.points
    ]
    show(surroundings, [_head(report), [_results(report)], *curves, _notes(report)])


def _data(report: Report) -> dict[str, Any]:
    """One rule's figures stand at the top, those of several in a list."""
    shared = {
        "rollouts": report.rollouts,
        "seed": report.seed,
        "forecast": asdict(report.forecast),
        "advice": list(report.advice),
        "shares": list(report.plan.shares),
        "conditions_left_out": list(report.left_out),
        "not_simulated": [asdict(one) for one in report.not_simulated],
    }
    rules = [_rule_data(one) for one in report.simulated]
    return {**rules[0], **shared} if report.one_rule else {**shared, "rules": rules}


def _rule_data(one: Simulated) -> dict[str, Any]:
    data = {"rule": one.name, **asdict(one.summary), "elapsed_seconds": one.elapsed_seconds}
    if one.points:
        data["curve"] = [{"rate": point.rate, **asdict(point.summary)} for point in one.points]
    return data


def _head(report: Report) -> list[Text]:
    forecast, rollout = report.forecast, report.plan.rollout
    parts = [
        f"{forecast.rate:g} requests per second",
        f"errors {forecast.stable_errors:.2%} stable, {forecast.candidate_errors:.2%} candidate",
    ]
    if forecast.latencies is not None:
        parts.append(f"times {forecast.latencies.slowdown:g}x")
    if forecast.cv:
        lasting = f" for {_time(forecast.persistence)}" if forecast.persistence else ""
        parts.append(f"bursts of CV {forecast.cv:g}{lasting}")
    seconds = sum(one.elapsed_seconds for one in report.simulated)
    return [
        Text(f"forecast  {'; '.join(parts)}"),
        Text(
            f"plan      {_steps(report.plan)}; deadline {format_duration(rollout.deadline)}, bake"
            f" {format_duration(rollout.bake)}; at most {report.plan.false_rollback_rate:.2%} of"
            " the healthy rolled back"
        ),
        Text(f"rollouts  {report.rollouts:,} a rule in {seconds:.1f} s, seed {report.seed}"),
    ]


def _steps(plan: OperatorRule) -> str:
    """The steps; behind those that pods realise otherwise, what the candidate gets in truth."""
    rollout = plan.rollout
    if rollout.strategy is not Strategy.CANARY:
        return f"{rollout.strategy}: all at once"
    shares = [100 * share for share in plan.shares]
    return ", ".join(
        f"{step} %" if round(share) == step else f"{step} % ({share:.0f} % by pods)"
        for step, share in zip(rollout.steps, shares, strict=False)
    )


def _results(report: Report) -> Table:
    shown = table(
        "RULE", "ROLLED BACK", "AFTER", "PROMOTED", "AFTER", "UNDECIDED", "BAD ANSWERS",
        "IN AN HOUR",
    )  # fmt: skip
    for one in report.simulated:
        shown.add_row(one.name, *_figures(one.summary))
    return shown


def _curve(one: Simulated) -> Table:
    shown = table(
        "RATE", "ROLLED BACK", "AFTER", "PROMOTED", "AFTER", "UNDECIDED", "BAD ANSWERS",
        "IN AN HOUR",
    )  # fmt: skip
    for point in one.points:
        shown.add_row(f"{point.rate:g}/s", *_figures(point.summary))
    return shown


def _figures(summary: Summary) -> list[str]:
    low, high = summary.rollback_probability_interval
    return [
        f"{summary.rollback_probability:.2%} ({low:.2%} to {high:.2%})",
        _time(summary.median_seconds_to_rollback),
        f"{summary.promotion_probability:.2%}",
        _time(summary.median_seconds_to_promotion),
        f"{summary.undecided_probability:.2%}",
        f"{summary.mean_bad_answers:,.1f}",
        f"{summary.mean_bad_answers_in_an_hour:,.1f}",
    ]


def _time(seconds: float | None) -> str:
    return "" if seconds is None else span(timedelta(seconds=seconds))


def _notes(report: Report) -> list[Text]:
    notes = [Text(sentence) for sentence in report.advice]
    for one in report.simulated:
        if unserved := one.summary.mean_unserved_seconds:
            lost = unserved * report.forecast.rate
            notes.append(
                Text(
                    f"{one.name}: nothing serves for {_time(round(unserved))} of a rollout:"
                    f" about {lost:,.0f} requests get no answer."
                )
            )
    supposed = [f"not simulated: {one.field}: {one.supposed}" for one in report.not_simulated]
    return [*notes, *map(Text, supposed)]
