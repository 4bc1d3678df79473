"""Names and labels of every metric, shared by those who write them and those who read them."""

from __future__ import annotations

from leadsman_api.vocabulary import Term

LATENCY_BOUNDS = (
    0.0001, 0.00016, 0.00025, 0.0004, 0.0005, 0.00063,
    0.001, 0.0016, 0.0025, 0.004, 0.005, 0.0063,
    0.01, 0.016, 0.025, 0.04, 0.05, 0.063,
    0.1, 0.16, 0.25, 0.4, 0.5, 0.63,
    1, 1.6, 2.5, 4, 5, 6.3, 10,
)  # fmt: skip
"""Bounds of the latency's buckets in seconds; limits of the judge are read at one of these.

Preferred numbers, five in a decade (the series R5 of ISO 3), and the 5, at which people set
limits: what is 1.5 times a bound lies just below the next, so that a limit of 1.5 times is read
as one of 1.6 times. Where that is 10 for the 5 and the 6.3 alike, the judge takes the 6.3.
"""


class ServingMetric(Term):
    """Metrics of a serving pod; the judge reads the first three."""

    REQUESTS = "leadsman_requests_total", "answered requests by status class."
    LATENCY = "leadsman_request_seconds", "time to answer, as a histogram."
    IN_FLIGHT = "leadsman_requests_in_flight", "requests that are being answered."
    REFUSED = "leadsman_requests_refused_total", "requests refused before any work, by cause."
    ROWS = "leadsman_rows_total", "rows that were predicted."
    UNKNOWN_COLUMNS = (
        "leadsman_unknown_columns_total",
        "columns that were sent and ignored, for the model does not know them.",
    )
    COPIES = (
        "leadsman_copies_total",
        "copies of requests, by what came of comparing their answers with the stable revision's.",
    )
    BATCH = "leadsman_batch_rows", "rows of a batch, as a histogram."
    FEATURES = "leadsman_feature_values_total", "values by feature and bin of the profile."
    PREDICTIONS = "leadsman_predictions_total", "predictions by bin of the profile."
    BACKEND = "leadsman_backend_info", "the plan that serves, and why not a faster one."
    LOOP_LAG = "leadsman_loop_lag_seconds", "how late the event loop is."
    LOOP_LATENESS = (
        "leadsman_loop_lateness_seconds",
        "how late the event loop was at each of its beats, as a histogram.",
    )
    WAITING = "leadsman_requests_waiting", "requests that the model has not answered yet."
    EXPECTED_WAIT = "leadsman_expected_wait_seconds", "how long one that came now would wait."
    QUEUE_TIME = "leadsman_queue_seconds", "time that requests waited for the model, as a sum."
    CALL_TIME = "leadsman_call_seconds", "time that calls of the model took, as a sum."
    COST = "leadsman_expected_seconds", "what a call, and each row of it, is expected to take."
    DROPPED = (
        "leadsman_requests_dropped_total",
        "requests given up as nobody waited any more, by cause and by how far they were.",
    )
    CPU_QUOTA = "leadsman_cpu_quota", "CPUs that the container may use; absent without a limit."
    CPU_PERIODS = "leadsman_cpu_periods_total", "periods of the quota in which there was work."
    CPU_THROTTLED = "leadsman_cpu_throttled_periods_total", "those in which it was used up."
    CPU_THROTTLED_SECONDS = (
        "leadsman_cpu_throttled_seconds_total",
        "time for which threads were held back by the quota.",
    )
    STARTUP = "leadsman_startup_seconds", "how long each phase of the start took."
    PAYLOADS_SENT = "leadsman_payload_events_sent_total", "events that the log's sink has taken."
    PAYLOADS_DROPPED = (
        "leadsman_payload_events_dropped_total",
        "events of the payload log that were dropped, by cause.",
    )
    SPANS_SENT = "leadsman_spans_sent_total", "spans that the collector has taken."
    SPANS_DROPPED = "leadsman_spans_dropped_total", "spans that were dropped, by cause."


class Compared(Term):
    """What came of comparing the answer to a copy; the judge reads the first two."""

    SAME = "Same", "the stable revision has answered the same."
    DIFFERENT = "Different", "the stable revision has answered something else."
    ALONE = "Alone", "there was no good answer of the stable revision to compare with."
    DROPPED = "Dropped", "too many waited to be compared, or it was too large."


class OperatorMetric(Term):
    """Metrics of the operator."""

    PHASE = "leadsman_operator_phase", "1 for the phase that a resource is in."
    WEIGHT = "leadsman_operator_weight", "percent of the traffic by arm."
    VERDICTS = "leadsman_operator_verdicts_total", "verdicts by kind."
    EVIDENCE = "leadsman_operator_log_evidence", "logarithm of the evidence against a candidate."
    ROLLBACKS = "leadsman_operator_rollbacks_total", "rollbacks by reason."
    PROMOTIONS = "leadsman_operator_promotions_total", "promotions."
    RECONCILES = "leadsman_operator_reconcile_seconds", "time of a reconcile, as a histogram."
    ERRORS = "leadsman_operator_reconcile_errors_total", "reconciles that failed, by reason."
    REGISTRY_AGE = "leadsman_operator_registry_age_seconds", "age of what is known of a registry."
    TRIALS = "leadsman_operator_trials", "trials by state."
    LEADER = "leadsman_operator_leader", "1 for the replica that acts, 0 for a standby."


class MetricLabel(Term):
    """Labels of metrics."""

    NAMESPACE = "namespace", "namespace of the resource."
    NAME = "name", "name of the resource."
    KIND = "kind", "kind of the resource."
    MODEL = "model", "the registered model."
    VERSION = "version", "its version."
    REVISION = "revision", "the revision."
    ARM = "arm", "stable, candidate or previous."
    STATUS = "status", "2xx, 4xx or 5xx."
    REASON = "reason", "a reason of a condition."
    PHASE = "phase", "the phase of the resource."
    VERDICT = "verdict", "Good, Bad, Undecided or Blind."
    STATE = "state", "of a trial, or how far a request was: waiting or running."
    PART = "part", "of a cost: call or row."
    RESULT = "result", "of a comparison: Same, Different, Alone or Dropped."
    REGISTRY = "registry", "address of the MLflow server."
