"""Conditions of both resources: their types, their reasons and the form Kubernetes gives them.

Types and reasons are closed lists; a reason names one cause and events repeat it.
`Ready`, `Reconciling` and `Stalled` are those of kstatus: Argo CD, Flux and
`kubectl wait` understand them.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from leadsman_api.contract import Contract
from leadsman_api.reasons import Reason
from leadsman_api.values import Time
from leadsman_api.vocabulary import Term


class ConditionType(Term):
    """What a condition is about; each is positive when it is True, but Stalled."""

    READY = "Ready", "the resource does what its spec asks for."
    RECONCILING = "Reconciling", "the operator is on its way to what the spec asks for."
    STALLED = "Stalled", "the operator can't go on by itself: only the user can help."
    MODEL_RESOLVED = "ModelResolved", "the registry was read and the wanted version is known."
    MODEL_VERIFIED = "ModelVerified", "the files have the recorded digest and the plan is proven."
    WORKLOAD_AVAILABLE = "WorkloadAvailable", "enough pods are ready for the traffic they get."
    TRAFFIC_ROUTED = "TrafficRouted", "the traffic is split as the rollout wants it."
    EVIDENCE_AVAILABLE = "EvidenceAvailable", "request counts of both revisions can be read."
    ROLLED_OUT = "RolledOut", "the wanted version carries all of the traffic."
    RETRAINING_ACTIVE = "RetrainingActive", "the triggers of retraining are watched."
    DATA_READY = "DataReady", "the data was read and passed its checks."
    ADMITTED = "Admitted", "the queue gave the pods their place."
    SEARCHED = "Searched", "the search has ended with at least one eligible trial."
    GATE_PASSED = "GatePassed", "the new version passed every rule of the gate."
    REGISTERED = "Registered", "the new version is in the registry."
    PROMOTED = "Promoted", "the new version carries the alias."
    REPRODUCED = "Reproduced", "training again gave the same model."


class ConditionStatus(Term):
    """Whether a condition holds."""

    TRUE = "True", "it holds."
    FALSE = "False", "it does not hold."
    UNKNOWN = "Unknown", "it could not be found out."


# The schema takes any word of the form: a reason that a newer operator knows must never
# make an older CRD refuse the whole status.
_WORD: dict[str, Any] = {
    "type": "string",
    "pattern": "^[A-Z][A-Za-z0-9]*$",
    "minLength": 1,
    "maxLength": 128,
}


class Condition(Contract):
    """One condition, in the form that Kubernetes gives it."""

    type: Annotated[ConditionType, WithJsonSchema(_WORD)]
    """What the condition is about."""
    status: ConditionStatus
    """Whether it holds."""
    reason: Annotated[Reason, WithJsonSchema(_WORD)]
    """Why, as one word of a closed list."""
    message: Annotated[str, Field(max_length=32768)]
    """Why, as one sentence with numbers and the path of the field."""
    last_transition_time: Time
    """When status last changed."""
    observed_generation: Annotated[int, Field(ge=0)]
    """Generation of the spec that this was found for."""
