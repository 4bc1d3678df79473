"""The judge in a rollout: what it is told, what it says, and what it remembers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.evidence import LARGEST_TOTAL, Evidence, Verdict
from leadsman_operator.facts import PastCount, PodCount, PodFacts, Unknown
from leadsman_operator.planner.judge.counting import MOST_PODS
from leadsman_operator.planner.judge.remembering import PATIENCE, past_wanted_until
from leadsman_operator.planner.judge.weigh import weigh
from support.deployments import a_deployment, counters
from support.judged_rollouts import (
    ANSWERS,
    ARMS,
    DOWN,
    ERRORS,
    LATENCY,
    LOOK,
    QUIET,
    Trial,
    a_trial_on_copies,
    compared,
)


@pytest.mark.parametrize(
    ("looks", "candidate", "verdict"),
    [
        (3, (0, 10), Verdict.BAD),
        (6, (16, 4), Verdict.BAD),
        (24, (20, 0), Verdict.GOOD),
        (2, (20, 0), Verdict.UNDECIDED),
        (3, (0, 0), Verdict.BLIND),
    ],
    ids=["every request", "every fifth", "none", "too few to say", "no request"],
)
def test_errors(looks: int, candidate: tuple[int, int], verdict: Verdict) -> None:
    """Beside a stable arm that answers eighty requests between two looks."""
    evidence = Trial(ERRORS).serve(looks, one=(80, 0), two=candidate)
    assert evidence.verdict is verdict
    assert evidence.log_bar == pytest.approx(4.605, abs=0.001)


def test_a_smaller_promise_needs_more_evidence() -> None:
    """One in a million takes longer than one in ten."""
    sure, hasty = (Trial(ERRORS, falseRollbackRate=rate) for rate in (0.000001, 0.1))
    verdicts = [one.serve(2, one=(80, 0), two=(18, 2)).verdict for one in (sure, hasty)]
    assert verdicts == [Verdict.UNDECIDED, Verdict.BAD]


def test_slow_answers() -> None:
    """Half a second where five milliseconds are usual."""
    trial = Trial(LATENCY)
    evidence = trial.serve(2, one=(80, 0, 0), two=(20, 0, 20))
    assert evidence.verdict is Verdict.BAD
    assert "latency: 40 of 40 requests were too slow" in evidence.because


@pytest.mark.parametrize(
    ("limits", "candidate", "verdict"),
    [
        ({"maxLatency": "100ms"}, (20, 0, 4), Verdict.BAD),
        ({"maxLatency": "100ms", "quantile": 0.5}, (20, 0, 10), Verdict.UNDECIDED),
        ({"maxLatency": "100ms", "quantile": 0.5}, (20, 0, 0), Verdict.GOOD),
        ({"maxLatency": "1h"}, (20, 0, 20), Verdict.UNDECIDED),
        ({"ratio": 1.5, "quantile": 0.9}, (20, 0, 4), Verdict.BAD),
    ],
    ids=["most", "half are slow", "none is slow", "no bucket so long", "one quantile"],
)
def test_limits_of_latency(
    limits: Mapping[str, Any], candidate: tuple[int, int, int], verdict: Verdict
) -> None:
    """A share of the answers may take longer, and buckets end where they end."""
    trial = Trial({"name": "latency", "type": "Latency", **limits})
    assert trial.serve(8, one=(80, 0, 0), two=candidate).verdict is verdict


@pytest.mark.parametrize(
    ("limits", "within", "verdict"),
    [
        ({"ratio": 1.5}, {"le=0.005": 20, "le=0.5": 20}, Verdict.GOOD),
        ({"ratio": 1.5}, {"le=0.005": 0, "le=0.5": 0}, Verdict.BAD),
        ({"maxLatency": "50ms"}, {"le=0.005": 20, "le=0.5": 20}, Verdict.GOOD),
        ({"ratio": 1.5}, {}, Verdict.BLIND),
    ],
    ids=["quick", "slow", "quick enough", "not timed"],
)
def test_a_candidate_may_have_other_buckets(
    limits: Mapping[str, Any], within: Mapping[str, int], verdict: Verdict
) -> None:
    """The next bound above is read; a bucket that is missing is no answer that was too slow."""
    trial = Trial({"name": "latency", "type": "Latency", **limits})
    trial.counts["two"] = {"2xx": 0, "le=+Inf": 0, **dict.fromkeys(within, 0)}
    for _ in range(24):
        for name, count in {"2xx": 20, "le=+Inf": 20, **within}.items():
            trial.counts["two"][name] += count
        evidence = trial.serve(1, one=(80, 0))
    assert evidence.verdict is verdict


def test_times_are_compared_once_the_stable_revision_has_answered_enough() -> None:
    """Without a past its first answers say what is usual."""
    trial = Trial(LATENCY, past=())
    assert trial.serve(1, one=(80, 0), two=(20, 0)).because.endswith("to compare times with")
    trial.serve(1, one=(80, 0), two=(20, 0))
    evidence = trial.serve(3, one=(80, 0), two=(20, 0, 20))
    assert evidence.verdict is Verdict.BAD


def test_what_was_not_read_changes_nothing() -> None:
    """And what was missed is counted at the next look."""
    trial = Trial(ERRORS)
    seen = trial.serve(2, one=(80, 0), two=(19, 1))
    trial.bench.counts = Unknown(Reason.METRICS_UNREACHABLE, "no answer")
    blind = trial.serve(60, one=(80, 0), two=(20, 0))
    assert blind.verdict is Verdict.BLIND
    assert (blind.memory, blind.log_evidence) == (seen.memory, seen.log_evidence)
    trial.bench.counts = ()
    after = trial.serve(1, one=(80, 0), two=(20, 0))
    assert after.conditions[0].candidate_total == 2 * 20 + 61 * 20


def test_a_long_complaint_is_cut() -> None:
    """Some servers repeat the query in their errors, and the status holds one sentence."""
    trial = Trial(ERRORS)
    trial.bench.counts = Unknown(Reason.QUERY_FAILED, "bad query " * 1000)
    for before in (trial.evidence, None):
        trial.evidence = before
        assert trial.look().because.startswith("bad query bad query")


def test_a_pod_that_starts_anew_is_counted_on() -> None:
    """Its counters begin at zero."""
    trial = Trial(ERRORS)
    trial.serve(3, one=(80, 0), two=(20, 0))
    trial.counts["two"] = counters()
    assert trial.serve(1, one=(80, 0), two=(10, 5)).conditions[0].candidate_bad == 5


def test_more_requests_than_the_status_can_hold() -> None:
    """A pod that counts nonsense stops nobody from looking."""
    trial = Trial(ERRORS)
    for _ in range(3):
        trial.counts["two"] = counters(LARGEST_TOTAL)
        evidence = trial.serve(1, one=(80, 0))
        trial.counts["two"] = counters()
        trial.serve(1, one=(80, 0))
    assert evidence.conditions[0].candidate_total == LARGEST_TOTAL


def test_a_stable_pod_that_was_not_seen_at_first_is_counted_from_then_on() -> None:
    """What it has counted in its life before says nothing of the rollout."""
    trial = Trial(ERRORS)
    trial.serve(3, one=(80, 0), two=(20, 0))
    trial.pods["one"] = "one-late"
    trial.counts["one"] = counters(9000, 1000)
    trial.serve(1, one=(80, 0), two=(20, 0))
    evidence = trial.serve(1, one=(79, 1), two=(20, 0))
    assert evidence.conditions[0].stable_bad == 1


def warming(trial: Trial, pod: str, warm_up: str) -> None:
    """A pod of the trial has just become ready."""
    facts = PodFacts(name=pod, uid=pod, labels={}, ready=True, ready_since=trial.bench.now)
    trial.bench.lingering = (*trial.bench.lingering, facts)
    health = trial.bench.resource.spec.health.to_wire()
    trial.bench.resource = a_deployment(health={**health, "warmUp": warm_up})


@pytest.mark.parametrize("arm", ["one", "two"])
def test_times_of_a_pod_do_not_count_before_it_is_warm(arm: str) -> None:
    """Of either arm: what is cold is slow, and says nothing of the model."""
    trial = Trial(LATENCY)
    warming(trial, trial.pods[arm], "10s")
    answers = {"one": (80, 0, 0), "two": (20, 0, 0)}
    cold = trial.serve(2, **{**answers, arm: (50, 0, 50)})
    assert arm_counters(cold, arm)["2xx"] == 100
    assert arm_counters(cold, arm)["le=+Inf"] == 0
    warm = trial.serve(1, **{**answers, arm: (50, 0, 50)})
    assert arm_counters(warm, arm)["le=+Inf"] == 50
    assert arm_counters(warm, arm)["le=0.1"] == 0


def test_errors_of_a_pod_count_from_its_first_answer() -> None:
    """A model that fails from the start is taken back as soon as ever."""
    found = []
    for warm_up in ("0s", "10s", "1h"):
        trial = Trial(ERRORS, LATENCY)
        warming(trial, "two-0", warm_up)
        found.append(trial.serve(1, one=(80, 0), two=(0, 20)))
    assert [one.verdict for one in found] == [Verdict.BAD] * 3
    assert found[0].conditions[0].log_evidence == found[2].conditions[0].log_evidence


def arm_counters(evidence: Evidence, revision: str) -> Mapping[str, float]:
    """What an arm has counted since the rollout began."""
    return next(one.counters for one in evidence.totals if one.arm is ARMS[revision])


def test_pods_beyond_those_that_can_be_remembered_are_not_counted_again() -> None:
    """Where their counters stood is forgotten at every look: nobody knows what is new of them."""
    trial = Trial(ERRORS)

    def crowd(good: int) -> tuple[PodCount, ...]:
        return tuple(
            PodCount(f"{name}-{number}", revision, trial.bench.now, counters(good))
            for revision, name in (("one", "later"), ("two", "first"))
            for number in range(MOST_PODS * 3 // 4)
        )

    totals = []
    for good in (10, 20, 30, 40):
        trial.bench.now += LOOK
        trial.evidence = weigh(replace(trial.observe(), counts=crowd(good)), ARMS)
        totals.append(trial.evidence.conditions[0].candidate_total or 0)
    remembered = MOST_PODS - MOST_PODS * 3 // 4
    assert [after - before for before, after in itertools.pairwise(totals)] == 3 * [10 * remembered]


def test_a_look_between_two_scrapes_changes_nothing() -> None:
    """The time until the next news belongs to what it brings."""
    hurried, patient = Trial(ERRORS), Trial(ERRORS)
    for _ in range(3):
        hurried.serve(1)
        hurried.serve(1)
        hurried.serve(1, one=(80, 0), two=(19, 1))
        patient.bench.now += 2 * LOOK
        patient.serve(1, one=(80, 0), two=(19, 1))
    assert hurried.evidence is not None
    assert patient.evidence is not None
    assert hurried.evidence.memory == patient.evidence.memory
    assert hurried.evidence.memory is not None
    assert hurried.evidence.memory.counted_seconds == 45


def test_noise_of_the_past_is_forgiven() -> None:
    """What a stable revision does to itself now and then is no harm in a candidate."""
    bursts = tuple(PastCount(5, counters(900, 100 * (look % 48 < 6))) for look in range(1440))
    candidate = (18, 2)
    noisy = Trial(ERRORS, past=bursts).serve(6, one=(80, 0), two=candidate)
    quiet = Trial(ERRORS).serve(6, one=(80, 0), two=candidate)
    assert (noisy.verdict, quiet.verdict) == (Verdict.UNDECIDED, Verdict.BAD)
    assert (noisy.conditions[0].dispersion or 0) > 10 * (quiet.conditions[0].dispersion or 0)


def test_a_gap_in_the_past_changes_no_other_time() -> None:
    """Half an hour without a scrape belongs to nothing that was watched."""
    gap = PastCount(1800, counters(998 * 360, 2 * 360))
    whole, broken = Trial(ERRORS).evidence, Trial(ERRORS, past=(*QUIET, gap)).evidence
    assert whole is not None
    assert whole.memory is not None
    assert broken is not None
    assert broken.memory is not None
    assert broken.memory.look_seconds == whole.memory.look_seconds == 5
    assert broken.memory.past_seconds == whole.memory.past_seconds == 7200
    assert broken.memory.series[0].spread == whole.memory.series[0].spread


def test_a_clock_that_is_behind_takes_no_time_back() -> None:
    """Another replica of the operator may have another clock."""
    trial = Trial(ERRORS)
    before = trial.serve(4, one=(80, 0), two=(20, 0))
    trial.bench.now -= 3 * LOOK
    after = trial.serve(1, one=(80, 0), two=(20, 0))
    assert before.memory is not None
    assert after.memory is not None
    assert after.memory.counted_seconds == before.memory.counted_seconds
    assert after.conditions[0].candidate_total == 100


def test_nothing_is_said_of_the_noise_before_the_first_request() -> None:
    """Over no time at all any share is off by anything."""
    evidence = Trial(ERRORS).serve(2, one=(80, 0))
    assert evidence.conditions[0].dispersion is None


def test_noise_of_a_small_share_hides_nothing_beyond_a_large_limit() -> None:
    """A stable arm that is slow now and then, and a candidate that always is."""
    pauses = tuple(
        PastCount(5, counters(100, 0, slow=8 * (look % 12 == 0))) for look in range(1440)
    )
    limit = {"name": "latency", "type": "Latency", "maxLatency": "100ms", "quantile": 0.9}
    trial = Trial(limit, past=pauses)
    evidence = trial.serve(4, one=(80, 0, 0), two=(20, 0, 20))
    assert (evidence.conditions[0].dispersion or 0) > 1
    assert evidence.verdict is Verdict.BAD


def test_the_interval_of_the_ratio_closes_around_it() -> None:
    """It holds at any time, and more requests make it narrower."""
    trial = Trial(ERRORS)
    early = trial.serve(4, one=(80, 0), two=(20, 0)).conditions[0]
    late = trial.serve(60, one=(499, 1), two=(499, 1)).conditions[0]
    assert early.ratio_low == 0
    assert late.ratio is not None
    assert late.ratio_low is not None
    assert late.ratio_high is not None
    assert 0 < late.ratio_low < late.ratio < late.ratio_high < 5


def test_the_past_is_asked_for_once() -> None:
    """And again when other conditions are to be judged."""
    trial = Trial(ERRORS)
    conditions = trial.bench.resource.spec.health.conditions
    others = Trial(LATENCY).bench.resource.spec.health.conditions
    now = trial.bench.now
    assert past_wanted_until(None, conditions, now) == now
    assert past_wanted_until(trial.evidence, conditions, now) is None
    assert past_wanted_until(trial.evidence, others, now) == now


def test_a_past_that_could_not_be_read_is_asked_for_again() -> None:
    """As it was when counting began, for what came since is counted already."""
    late, early = Trial(ERRORS, past=DOWN), Trial(ERRORS)
    conditions, begun = late.bench.resource.spec.health.conditions, late.bench.now
    for trial in (late, early):
        trial.serve(3, one=(80, 0), two=(20, 0))
    assert past_wanted_until(late.evidence, conditions, late.bench.now) == begun
    assert past_wanted_until(late.evidence, conditions, begun + PATIENCE) is None
    late.past = QUIET
    told, known = (one.serve(1, one=(80, 0), two=(20, 0)).memory for one in (late, early))
    assert told is not None
    assert known is not None
    assert past_wanted_until(late.evidence, conditions, late.bench.now) is None
    for name in ("past_bad", "past_total", "whole", "recent"):
        assert getattr(told.series[0], name) == getattr(known.series[0], name)
    assert told.past_seconds == known.past_seconds == 7200
    assert told.counted_seconds == known.counted_seconds


def test_a_past_that_is_told_late_and_empty_takes_nothing_away() -> None:
    """A stable revision that Prometheus has not seen before."""
    late, never = Trial(ERRORS, past=DOWN), Trial(ERRORS, past=())
    for trial in (late, never):
        trial.serve(2, one=(80, 0), two=(20, 0))
    late.past = ()
    told, known = (one.serve(1, one=(80, 0), two=(20, 0)).memory for one in (late, never))
    assert told == known


def test_several_conditions_share_the_promise() -> None:
    """The mean of their evidence counts: three that see nothing weaken one that sees harm."""
    quiet = [{**LATENCY, "name": f"latency-{number}"} for number in range(3)]
    alone = Trial(ERRORS).serve(2, one=(80, 0), two=(19, 1))
    together = Trial(ERRORS, *quiet).serve(2, one=(80, 0), two=(19, 1))
    assert alone.log_evidence is not None
    assert together.log_evidence is not None
    assert together.log_evidence < alone.log_evidence


@pytest.mark.parametrize(
    ("rule", "failures", "checks", "verdict"),
    [
        ("Argo", 2, 2, Verdict.UNDECIDED),
        ("Argo", 2, 3, Verdict.BAD),
        ("Flagger", 2, 2, Verdict.UNDECIDED),
        ("Argo", 0, 1, Verdict.BAD),
    ],
)
def test_a_threshold_rule_counts_failed_checks(
    rule: str, failures: int, checks: int, verdict: Verdict
) -> None:
    """One more than its limit for Argo Rollouts; Flagger's threshold counts a tick later."""
    judge = {"rule": rule, "interval": "10s", "failures": failures}
    trial = Trial(ERRORS, judge=judge)
    evidence = trial.serve(2 * checks, one=(80, 0), two=(18, 2))
    assert evidence.verdict is verdict
    assert evidence.conditions[0].failed_checks == checks
    assert f"{checks} of {checks} checks failed" in evidence.because
    assert evidence.log_evidence is None


def test_a_threshold_rule_forgets_no_failure() -> None:
    """Checks that pass let a step end, and make none undone that failed."""
    judge = {"rule": "Argo", "interval": "10s", "failures": 2}
    trial = Trial({"name": "errors", "type": "ErrorRate", "max": 0.05}, judge=judge)
    verdicts = [
        trial.serve(2, one=(80, 0), two=(20 - bad, bad)).verdict for bad in (0, 2, 0, 2, 0, 2)
    ]
    good, undecided = Verdict.GOOD, Verdict.UNDECIDED
    assert verdicts == [good, undecided, good, undecided, good, Verdict.BAD]
    told = trial.evidence.conditions[0] if trial.evidence else None
    assert told is not None
    assert (told.passed_checks, told.failed_checks) == (3, 3)


@pytest.mark.parametrize("rule", ["Argo", "Flagger"])
def test_an_interval_is_checked_once(rule: str) -> None:
    """Looks at which nothing new has come are no further checks of it."""
    trial = Trial(ERRORS, judge={"rule": rule, "interval": "10s", "failures": 3})
    assert trial.serve(2, one=(80, 0), two=(18, 2)).conditions[0].failed_checks == 1
    evidence = trial.serve(6)
    assert evidence.conditions[0].failed_checks == 1
    assert evidence.verdict is Verdict.UNDECIDED


def test_an_interval_without_a_request_is_no_check() -> None:
    """No data is no failure, whatever the rule."""
    trial = Trial(ERRORS, judge={"rule": "Flagger", "interval": "10s", "failures": 1})
    evidence = trial.serve(12, one=(80, 0), two=(0, 0))
    assert evidence.verdict is Verdict.BLIND
    assert evidence.conditions[0].failed_checks == 0


@pytest.mark.parametrize("rule", ["Argo", "Flagger"])
def test_an_interval_without_a_further_request_is_no_check_either(rule: str) -> None:
    """What was answered before says nothing of it."""
    trial = Trial(ERRORS, judge={"rule": rule, "interval": "10s", "failures": 3})
    assert trial.serve(2, one=(80, 0), two=(20, 0)).conditions[0].passed_checks == 1
    assert trial.serve(6, one=(80, 0), two=(0, 0)).conditions[0].passed_checks == 1


@pytest.mark.parametrize("rule", ["Argo", "Flagger"])
def test_a_threshold_rule_judges_a_bake_by_what_was_before(rule: str) -> None:
    """The stable revision gets no requests then: it is held against what it did with them."""
    trial = Trial(ERRORS, judge={"rule": rule, "interval": "10s", "failures": 1})
    trial.serve(2, one=(80, 0), two=(0, 0))
    assert trial.serve(4, two=(18, 2)).verdict is Verdict.BAD


def test_a_ratio_to_what_was_never_counted_is_no_check() -> None:
    """Neither health nor harm is shown by it."""
    trial = Trial(ERRORS, past=(), judge={"rule": "Argo", "interval": "10s", "failures": 1})
    evidence = trial.serve(6, two=(18, 2))
    assert evidence.verdict is Verdict.UNDECIDED
    assert (evidence.conditions[0].passed_checks, evidence.conditions[0].failed_checks) == (0, 0)


def test_of_several_checks_flagger_counts_one_an_interval() -> None:
    """The first that fails ends the interval."""
    limits = [{"name": f"errors-{one}", "type": "ErrorRate", "max": 0.01} for one in range(3)]
    trial = Trial(*limits, judge={"rule": "Flagger", "interval": "10s", "failures": 3})
    assert trial.serve(6, one=(80, 0), two=(18, 2)).verdict is Verdict.UNDECIDED
    assert trial.serve(2, one=(80, 0), two=(18, 2)).verdict is Verdict.BAD


@pytest.mark.parametrize(
    ("looks", "answers", "verdict"),
    [
        (1, (0, 20), Verdict.BAD),
        (6, (16, 4), Verdict.BAD),
        (8, (20, 0), Verdict.GOOD),
        (120, (19, 1), Verdict.UNDECIDED),
        (1, (3, 0), Verdict.UNDECIDED),
        (5, (0, 0), Verdict.BLIND),
    ],
    ids=["all differ", "a fifth", "none", "as many as tolerated", "too few", "not one"],
)
def test_answers_that_differ_are_held_against_their_limit(
    looks: int, answers: tuple[int, int], verdict: Verdict
) -> None:
    """By themselves: nothing that was before, and no noise, makes them differ."""
    found = compared(a_trial_on_copies(), *answers, looks=looks)

    (answered,) = found.conditions
    assert found.verdict is verdict
    assert answered.candidate_total == looks * sum(answers)
    assert answered.candidate_bad == looks * answers[1]
    assert (answered.stable_total, answered.ratio, answered.dispersion) == (None, None, None)


def test_copies_do_not_count_as_requests() -> None:
    """An error rate is a share of the answers, however many of them were compared."""
    trial = a_trial_on_copies(conditions=[{**ERRORS, "max": 0.5}, ANSWERS])
    found = compared(trial, 20, 0)

    errors, answered = found.conditions
    assert errors.candidate_total == answered.candidate_total == 20


@pytest.mark.parametrize("rule", ["Argo", "Flagger"])
def test_threshold_rules_compare_answers_too(rule: str) -> None:
    """An interval in which nothing was compared is no check, and no health."""
    judge = {"rule": rule, "interval": "10s", "failures": 1}
    silent = compared(a_trial_on_copies(judge=judge), 0, 0, looks=3)
    trial = a_trial_on_copies(judge=judge)
    differing = compared(trial, 10, 10, looks=8)

    assert silent.verdict is Verdict.BLIND
    assert differing.verdict is Verdict.BAD
    assert "answers differ from the stable revision's" in differing.because
