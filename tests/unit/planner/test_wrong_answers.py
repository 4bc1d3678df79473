"""Answers that turn out wrong: labels come late, hold nothing up, and count in the bake as well."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from leadsman_api.v1alpha1.evidence import ConditionEvidence, Evidence, Verdict
from leadsman_operator.planner.judge.outlook import outlook_of
from leadsman_operator.planner.judge.sequential import Span
from leadsman_operator.planner.judge.spread import UNWATCHED, nothing_seen
from support.deployments import counters
from support.judged_rollouts import DOWN, ERRORS, LABELLED, QUALITY, Trial, labels


def quality(evidence: Evidence) -> ConditionEvidence:
    """What the labels have shown."""
    return next(one for one in evidence.conditions if one.name == "quality")


def served(trial: Trial, looks: int = 1) -> Evidence:
    """Answers without a failure."""
    return trial.serve(looks, one=(80, 0), two=(20, 0))


def labelled(trial: Trial, looks: int, **answers: tuple[int, int]) -> Evidence:
    """Labels of so many right and wrong answers come at each of some looks."""
    for _ in range(looks):
        trial.label(**answers)
        found = served(trial)
    return found


def test_answers_that_turn_out_wrong_take_a_candidate_back() -> None:
    """Though not one request has failed."""
    trial = Trial(ERRORS, QUALITY)
    served(trial, 4)
    trial.label(one=(160, 40), two=(40, 160))
    found = served(trial)

    assert found.verdict is quality(found).verdict is Verdict.BAD
    assert found.because == (
        "quality: 160 of 200 labelled answers of the candidate were wrong,"
        " 40 of 200 of the stable revision"
    )


def test_no_step_waits_for_labels() -> None:
    """They may come in days: until then errors and times decide, and the status says so."""
    found = served(Trial(ERRORS, QUALITY), 40)

    assert found.verdict is Verdict.GOOD
    assert quality(found).verdict is Verdict.BLIND
    assert "quality" not in found.because


def test_labels_that_cannot_be_read_say_why() -> None:
    """Others go on deciding; what was read before stays."""
    trial = Trial(ERRORS, QUALITY)
    trial.unread = {"quality": "Prometheus refused the query"}
    blind = trial.serve(1, one=(80, 0))
    assert blind.because.endswith("counted yet; quality: Prometheus refused the query")
    found = served(trial, 40)
    assert found.verdict is Verdict.GOOD
    assert quality(found).unread == "Prometheus refused the query"

    trial.label(one=(160, 40), two=(40, 160))
    assert served(trial).because.endswith("revision, and now Prometheus refused the query")


def test_labels_of_neither_revision_may_have_a_wrong_name() -> None:
    """It is told apart from those that only the candidate has none of."""
    trial = Trial(ERRORS, QUALITY)
    found = trial.serve(1, one=(80, 0))
    assert found.because.endswith("quality: no label of an answer of either revision has come yet")
    trial.label(one=(80, 20))
    found = trial.serve(1, one=(80, 0))
    assert found.because.endswith("quality: no label of an answer of the candidate has come yet")


def test_labels_that_show_nothing_yet_hold_nothing_up() -> None:
    """Nor do they make a candidate good of which nothing else is known."""
    trial = Trial(ERRORS, QUALITY)
    trial.label(one=(8, 2), two=(8, 2))
    assert trial.serve(40, one=(80, 0), two=(20, 0)).verdict is Verdict.GOOD

    unseen = Trial(ERRORS, QUALITY)
    unseen.label(one=(800, 200), two=(990, 10))
    found = unseen.serve(1, one=(80, 0))
    assert quality(found).verdict is Verdict.GOOD
    assert found.verdict is Verdict.BLIND


def test_as_many_wrong_answers_as_of_the_stable_revision_are_no_harm() -> None:
    """Common as they are: two in ten."""
    trial = Trial(ERRORS, QUALITY)
    for _ in range(50):
        trial.label(one=(80, 20), two=(80, 20))
        found = served(trial)
    assert found.verdict is Verdict.GOOD
    assert (quality(found).log_evidence or 0) < 0


def test_a_few_more_wrong_answers_are_found() -> None:
    """Three in ten instead of two: less than what errors and times are looked at for."""
    trial = Trial(ERRORS, QUALITY)
    verdicts = []
    for _ in range(100):
        trial.label(one=(80, 20), two=(70, 30))
        verdicts.append(served(trial).verdict)
    assert verdicts[0] is not Verdict.BAD
    assert verdicts[-1] is Verdict.BAD


def test_labels_count_in_the_bake() -> None:
    """The stable revision gets no requests any more, and labels of its own go on for a while."""
    trial = Trial(ERRORS, QUALITY)
    served(trial, 10)
    trial.label(one=(800, 200))
    assert trial.serve(10, two=(100, 0)).verdict is Verdict.GOOD

    trial.label(one=(80, 20), two=(20, 80))
    assert trial.serve(1, two=(100, 0)).verdict is Verdict.BAD


def test_labels_alone_are_news() -> None:
    """Of a model that nobody asks at night, whose labels come then."""
    trial = Trial(ERRORS, QUALITY)
    served(trial, 4)
    trial.label(one=(160, 40), two=(40, 160))

    assert trial.serve(1).verdict is Verdict.BAD


def test_only_labels_since_the_rollout_began_count() -> None:
    """And all those of a candidate: before it served nobody could count any."""
    trial = Trial(ERRORS, QUALITY)
    trial.label(one=(7, 3), two=(4, 1))
    found = quality(served(trial))

    assert (found.stable_total, found.stable_bad) == (10, 3)
    assert (found.candidate_total, found.candidate_bad) == (5, 1)


def test_who_counts_may_start_anew() -> None:
    """Nothing is lost, and nothing counted twice."""
    trial = Trial(ERRORS, QUALITY)
    trial.label(one=(80, 20), two=(8, 2))
    served(trial)
    trial.labels = {"one": labels(4, 1), "two": labels(1, 0)}
    found = quality(served(trial))

    assert (found.stable_total, found.stable_bad) == (105, 21)
    assert (found.candidate_total, found.candidate_bad) == (11, 2)


def test_labels_are_no_requests() -> None:
    """A share of failed requests is not made smaller by them."""
    trial = Trial(ERRORS, QUALITY)
    trial.label(one=(800, 200), two=(80, 20))
    errors = next(one for one in served(trial).conditions if one.name == "errors")

    assert (errors.stable_total, errors.candidate_total) == (80, 20)


def test_a_limit_holds_whatever_the_stable_revision_does() -> None:
    """A candidate that is always wrong, beside one of which nothing is known yet."""
    trial = Trial(ERRORS, {**QUALITY, "ratio": None, "max": 0.3})
    assert labelled(trial, 10, two=(0, 10)).verdict is Verdict.BAD


@pytest.mark.parametrize("rule", ["Argo", "Flagger"])
def test_a_threshold_rule_checks_labels(rule: str) -> None:
    """In the intervals in which some came; others are no check, and hold nothing up."""
    judge = {"rule": rule, "interval": "10s", "failures": 1}
    trial = Trial(ERRORS, QUALITY, judge=judge)
    assert served(trial, 6).verdict is Verdict.GOOD
    for _ in range(6):
        trial.label(one=(8, 2), two=(2, 8))
        found = served(trial)

    assert found.verdict is Verdict.BAD
    assert quality(found).failed_checks


def test_so_many_wrong_answers_would_take_it_back() -> None:
    """And one fewer would not."""
    trial = Trial(ERRORS, QUALITY)
    trial.label(one=(800, 200), two=(80, 20))
    served(trial)
    assert trial.evidence is not None
    ahead = outlook_of(trial.bench.resource, trial.evidence, trial.bench.now)
    more = next(one for one in ahead.conditions if one.name == "quality").bad_to_roll_back

    assert more is not None
    trial.label(two=(0, round(0.8 * more)))
    assert trial.serve(1).verdict is not Verdict.BAD
    trial.label(two=(0, round(0.3 * more)))
    assert trial.serve(1).verdict is Verdict.BAD


def test_counters_of_requests_and_of_labels_are_kept_apart() -> None:
    """Whatever a condition is called."""
    trial = Trial(ERRORS, {**QUALITY, "name": "5xx"}, past_labels=())
    trial.counts["two"] = {**counters(20), "5xx:wrong": 7, "5xx:labelled": 9}
    errors, wrong = trial.serve(1, one=(80, 0)).conditions

    assert (errors.candidate_total, errors.candidate_bad) == (20, 0)
    assert (wrong.candidate_total, wrong.candidate_bad) == (9, 7)


def times_of(trial: Trial) -> tuple[float | None, float | None]:
    """For how long labels came before the rollout, and of the candidate in it."""
    assert trial.evidence is not None
    assert trial.evidence.memory is not None
    series = next(one for one in trial.evidence.memory.series if one.labelled)
    return series.watched_seconds, series.labelled_seconds


def test_labels_have_a_week_of_their_own() -> None:
    """And a time: not that of the requests, whose labels come later."""
    trial = Trial(ERRORS, QUALITY)
    served(trial, 20)
    assert times_of(trial) == (7 * 86400, 0)
    trial.label(two=(8, 2))
    served(trial)
    trial.label(one=(8, 2))
    served(trial)
    assert times_of(trial) == (7 * 86400 + 5, 5)


def test_a_week_of_labels_that_could_not_be_read_is_asked_for_again() -> None:
    """The counts of requests that came since stay what they were."""
    late, early = Trial(ERRORS, QUALITY, past_labels=DOWN), Trial(ERRORS, QUALITY)
    for trial in (late, early):
        trial.label(one=(80, 20), two=(8, 2))
        served(trial, 3)
    assert times_of(late) == (5, 5)
    late.past_labels = LABELLED
    told, known = (quality(served(trial)) for trial in (late, early))
    assert told.ratio == known.ratio
    assert told.log_evidence == known.log_evidence


def errors_of(trial: Trial) -> ConditionEvidence:
    """What the requests have shown."""
    assert trial.evidence is not None
    return next(one for one in trial.evidence.conditions if one.name == "errors")


def test_a_week_that_cannot_be_read_takes_no_other_past() -> None:
    """Neither while it is asked for, nor when it is given up."""
    late, known = Trial(ERRORS, QUALITY, past_labels=DOWN), Trial(ERRORS, QUALITY)
    for trial in (late, known):
        trial.serve(3, one=(78, 2), two=(18, 2))
    assert errors_of(late) == errors_of(known)
    late.past = late.past_labels = ()
    for trial in (late, known):
        trial.serve(3, one=(78, 2), two=(18, 2))
    assert errors_of(late) == errors_of(known)


def test_labels_bring_no_time_to_requests() -> None:
    """Which come in bursts, an hour apart: how their share wanders is read over that time."""
    trials = labelled_too, asked = Trial(ERRORS, QUALITY), Trial(ERRORS, QUALITY)
    for _ in range(3):
        for trial in trials:
            trial.serve(12, one=(76, 4), two=(18, 2))
        assert errors_of(labelled_too) == errors_of(asked)
        for _ in range(12):
            labelled_too.bench.now += timedelta(minutes=5)
            labelled_too.label(one=(8, 2), two=(4, 1))
            labelled_too.serve(1)
        asked.bench.now = labelled_too.bench.now
    assert times_of(labelled_too)[1] == 3 * 12 * 15


def test_labels_without_a_past_need_an_hour() -> None:
    """Nobody knows how the share of wrong answers wanders: twice as many may be chance."""
    known, new = Trial(ERRORS, QUALITY), Trial(ERRORS, QUALITY, past_labels=())
    found = [labelled(trial, 20, one=(80, 20), two=(12, 8)).verdict for trial in (known, new)]
    assert found == [Verdict.BAD, Verdict.GOOD]
    assert labelled(new, 720, one=(80, 20), two=(12, 8)).verdict is Verdict.BAD


def test_a_long_bake_needs_a_past_as_long() -> None:
    """Labels of the candidate alone: an hour of others tells nothing of a day."""
    span = Span(whole=3600.0, recent=60.0, past=3600.0, shortest=900.0, of_labels=True)
    day = replace(span, whole=86400.0)
    assert span.wander(nothing_seen(), 3600.0) == pytest.approx(UNWATCHED)
    assert day.wander(nothing_seen(), 3600.0) > 1.9 * UNWATCHED
    assert replace(day, past=86400.0).wander(nothing_seen(), 3600.0) == pytest.approx(UNWATCHED)


def test_two_conditions_have_weeks_of_their_own() -> None:
    """Who counts for one may be new."""
    other = {**QUALITY, "name": "recall"}
    trial = Trial(ERRORS, other, QUALITY)
    assert trial.evidence is not None
    assert trial.evidence.memory is not None
    found = [one.watched_seconds for one in trial.evidence.memory.series if one.labelled]
    assert found == [0, 7 * 86400]
