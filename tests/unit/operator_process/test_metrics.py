"""What Prometheus is told of the operator."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from leadsman_api.metrics import OperatorMetric
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1 import ModelDeploymentStatus, TrainingRunStatus
from leadsman_api.v1alpha1.evidence import Evidence, Verdict
from leadsman_api.v1alpha1.model_deployment_status import (
    BlockedRevision,
    DeploymentPhase,
    RevisionStatus,
)
from leadsman_api.v1alpha1.training_run_status import RunPhase, TrialCounts
from leadsman_operator.errors import Unreachable
from leadsman_operator.facts import ObjectRef
from leadsman_operator.metrics import OperatorMetrics
from leadsman_operator.planner.plan import Event
from leadsman_operator.reconcile import Reconciled
from support.reconciles import CHURN, FRAUD

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = ObjectRef("leadsman.dev/v1alpha1", "TrainingRun", "ml", "churn-1")
STABLE = RevisionStatus(name="churn-1", version=1)
ROLLING = ModelDeploymentStatus(
    phase=DeploymentPhase.ROLLING_OUT,
    stable=STABLE,
    candidate=RevisionStatus(name="churn-2", version=2),
    weight=30,
    evidence=Evidence(verdict=Verdict.UNDECIDED, because="few", since=NOW, log_evidence=1.5),
)


@pytest.fixture
def metrics() -> OperatorMetrics:
    """Metrics of an operator that knows one registry."""
    return OperatorMetrics("1.2.3", lambda: {"http://mlflow:5000": 4.5})


def lines(metrics: OperatorMetrics) -> list[str]:
    """Our own series, without the process's."""
    text = metrics.page().body.decode()
    return [line for line in text.splitlines() if line.startswith("leadsman_")]


def test_a_rollout_has_phase_weights_and_evidence(metrics: OperatorMetrics) -> None:
    """As they are in its status."""
    metrics.reconciled(CHURN, Reconciled(CHURN, after=ROLLING), 0.2)

    about = 'name="churn",namespace="ml"'
    found = lines(metrics)
    assert (
        f'leadsman_operator_phase{{kind="ModelDeployment",{about},phase="RollingOut"}} 1.0' in found
    )
    assert f'leadsman_operator_weight{{arm="stable",{about}}} 70.0' in found
    assert f'leadsman_operator_weight{{arm="candidate",{about}}} 30.0' in found
    assert f"leadsman_operator_log_evidence{{{about}}} 1.5" in found
    assert f'leadsman_operator_verdicts_total{{{about},verdict="Undecided"}} 1.0' in found
    assert (
        'leadsman_operator_reconcile_seconds_bucket{kind="ModelDeployment",le="0.25"} 1.0' in found
    )


def test_a_phase_takes_the_place_of_the_one_before(metrics: OperatorMetrics) -> None:
    """A resource is in one phase."""
    after = ModelDeploymentStatus(phase=DeploymentPhase.STABLE, stable=STABLE)
    metrics.reconciled(CHURN, Reconciled(CHURN, after=ROLLING), 0.2)
    metrics.reconciled(CHURN, Reconciled(CHURN, before=ROLLING, after=after), 0.2)

    phases = [line for line in lines(metrics) if line.startswith("leadsman_operator_phase")]
    assert len(phases) == 1
    assert 'phase="Stable"' in phases[0]


def test_a_verdict_counts_when_it_was_given(metrics: OperatorMetrics) -> None:
    """Evidence that did not change was not judged again."""
    for before in (None, ROLLING, ROLLING):
        metrics.reconciled(CHURN, Reconciled(CHURN, before=before, after=ROLLING), 0.2)

    assert any(line.endswith('verdict="Undecided"} 1.0') for line in lines(metrics))


def test_promotions_and_rollbacks_are_counted(metrics: OperatorMetrics) -> None:
    """A rollback by what made it necessary."""
    blocked = BlockedRevision(name="churn-2", version=2, at=NOW, reason=Reason.EVIDENCE_BAD)
    after = ModelDeploymentStatus(stable=STABLE, blocked=(blocked,))
    for reason in (Reason.PROMOTED, Reason.ROLLED_BACK, Reason.STEP_COMPLETED):
        outcome = Reconciled(CHURN, after=after, events=(Event(reason, "so"),))
        metrics.reconciled(CHURN, outcome, 0.2)

    about = 'name="churn",namespace="ml"'
    found = lines(metrics)
    assert f"leadsman_operator_promotions_total{{{about}}} 1.0" in found
    assert f'leadsman_operator_rollbacks_total{{{about},reason="EvidenceBad"}} 1.0' in found


def test_the_series_of_a_resource_end_with_it(metrics: OperatorMetrics) -> None:
    """Those of the others stay."""
    for ref in (CHURN, FRAUD):
        metrics.reconciled(ref, Reconciled(ref, after=ROLLING), 0.2)
    metrics.gone(CHURN)

    text = "\n".join(lines(metrics))
    assert 'name="churn"' not in text
    assert 'name="fraud"' in text


def test_trials_are_counted_by_state(metrics: OperatorMetrics) -> None:
    """Of a training run there is that and the phase."""
    status = TrainingRunStatus(phase=RunPhase.SEARCHING, trials=TrialCounts(complete=3, running=2))
    metrics.reconciled(RUN, Reconciled(RUN, after=status), 0.2)

    found = lines(metrics)
    about = 'name="churn-1",namespace="ml"'
    assert f'leadsman_operator_trials{{{about},state="complete"}} 3.0' in found
    assert f'leadsman_operator_trials{{{about},state="running"}} 2.0' in found
    assert not any("weight" in line for line in found)


def test_errors_are_counted_by_reason(metrics: OperatorMetrics) -> None:
    """Those that were foreseen and those that nobody foresaw; the last status stays."""
    error = Unreachable(Reason.REGISTRY_UNREACHABLE, "no answer")
    metrics.reconciled(CHURN, Reconciled(CHURN, after=ROLLING), 0.2)
    metrics.reconciled(CHURN, Reconciled(CHURN, error=error), 0.2)
    metrics.failed(CHURN)

    found = lines(metrics)
    counted = 'leadsman_operator_reconcile_errors_total{kind="ModelDeployment",reason="%s"} 1.0'
    assert counted % "RegistryUnreachable" in found
    assert counted % "InternalError" in found
    assert any(line.startswith("leadsman_operator_phase") for line in found)


@pytest.mark.parametrize(("leading", "value"), [(True, "1.0"), (False, "0.0")])
def test_the_leader_says_so(metrics: OperatorMetrics, *, leading: bool, value: str) -> None:
    """And how old what it knows of a registry is."""
    metrics.leading = leading

    found = lines(metrics)
    assert f"leadsman_operator_leader {value}" in found
    assert 'leadsman_operator_registry_age_seconds{registry="http://mlflow:5000"} 4.5' in found
    assert 'leadsman_build_info{component="operator",version="1.2.3"} 1.0' in found


def test_every_metric_of_the_contract_is_there(metrics: OperatorMetrics) -> None:
    """What the reference promises is written, with its sentence."""
    text = metrics.page().body.decode()

    for metric in OperatorMetric:
        assert f"# HELP {metric.value} {metric.sentence}" in text
