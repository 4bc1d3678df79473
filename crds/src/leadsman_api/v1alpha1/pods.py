"""How pods run: the fragments of a pod's description that both resources let users set.

They carry Kubernetes' own names and meanings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from leadsman_api.contract import UNTYPED, Contract
from leadsman_api.lists import ATOMIC, Distinct
from leadsman_api.rules import Rule, exactly_one_of
from leadsman_api.values import Form, Image, Key, ObjectName, Quantity
from leadsman_api.vocabulary import Term

LabelKey = Annotated[str, Field(max_length=317)]
LabelValue = Annotated[str, Field(max_length=63)]
EnvironmentName = Annotated[
    str,
    Form(
        r"^[A-Za-z_][A-Za-z0-9_]*$",
        "write the name of an environment variable: letters, digits and '_'",
    ),
]
Quantities = Mapping[str, Quantity]


class ObjectReference(Contract):
    """An object of the same namespace, by its name."""

    name: ObjectName
    """Name of the object."""


class KeyReference(Contract):
    """One key of a Secret or ConfigMap of the same namespace."""

    name: ObjectName
    """Name of the object."""
    key: Key
    """Key in its data."""
    optional: bool = False
    """Start without the value when the object or the key is missing."""


class EnvironmentSource(Contract):
    """Where an environment variable's value comes from."""

    invariants = (exactly_one_of("secretKeyRef", "configMapKeyRef"),)

    secret_key_ref: KeyReference | None = None
    """A key of a Secret."""
    config_map_key_ref: KeyReference | None = None
    """A key of a ConfigMap."""


class EnvironmentVariable(Contract):
    """One environment variable of the container."""

    invariants = (exactly_one_of("value", "valueFrom"),)

    name: EnvironmentName
    """Name of the variable."""
    value: Annotated[str, Field(max_length=32768)] | None = None
    """Its value, written out."""
    value_from: EnvironmentSource | None = None
    """A Secret or ConfigMap to take its value from; a change of it makes a new revision."""


class TolerationOperator(Term):
    """How a toleration compares."""

    EQUAL = "Equal", "the taint's value must be this one."
    EXISTS = "Exists", "the taint's key is enough."


class TaintEffect(Term):
    """What a taint does to pods."""

    NO_SCHEDULE = "NoSchedule", "new pods stay away."
    PREFER_NO_SCHEDULE = "PreferNoSchedule", "new pods stay away where they can."
    NO_EXECUTE = "NoExecute", "running pods are evicted too."


class Toleration(Contract):
    """A taint of nodes that the pods may ignore."""

    invariants = (
        Rule(
            cel="self.operator == 'Exists' ? !has(self.value) : has(self.key)",
            check=lambda toleration: toleration.is_complete(),
            message="operator Exists takes no value, operator Equal needs a key",
            field="operator",
        ),
    )

    key: LabelKey | None = None
    """Key of the taint; left out with operator Exists it means every taint."""
    operator: TolerationOperator = TolerationOperator.EQUAL
    """How key and value are compared."""
    value: LabelValue | None = None
    """Value of the taint."""
    effect: TaintEffect | None = None
    """The effect that is tolerated; all of them when left out."""
    toleration_seconds: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """How long a pod stays on a node after a NoExecute taint; for ever when left out."""

    def is_complete(self) -> bool:
        """Whether the operator has what it compares."""
        if self.operator is TolerationOperator.EXISTS:
            return self.value is None
        return self.key is not None


class Resources(Contract):
    """What the container asks of its node and what it may use at most."""

    invariants = (
        Rule(
            cel="!has(self.requests) || !has(self.limits) || self.requests.all(name,"
            " !(name in self.limits) || !isQuantity(string(self.requests[name]))"
            " || !isQuantity(string(self.limits[name]))"
            " || quantity(string(self.requests[name]))"
            ".compareTo(quantity(string(self.limits[name]))) <= 0)",
            check=lambda resources: resources.requests_fit(),
            message="no request may be above its limit: lower the request or raise the limit",
            field="requests",
        ),
    )

    requests: Quantities = Field(default_factory=dict, max_length=16)
    """What is reserved on the node, by resource name."""
    limits: Quantities = Field(default_factory=dict, max_length=16)
    """What the container may use at most; no CPU limit is the better choice for latency."""

    def requests_fit(self) -> bool:
        """Whether each request is at most its limit."""
        return all(
            request.amount <= self.limits[name].amount
            for name, request in self.requests.items()
            if name in self.limits
        )


class PodFields(Contract):
    """What both serving pods and training pods take."""

    image: Image | None = None
    """Image of your own, built on ours; the operator's when left out."""
    image_pull_secrets: Annotated[
        tuple[ObjectReference, ...], Field(max_length=8), Distinct(by="name")
    ] = ()
    """Secrets that allow the image to be pulled."""
    resources: Resources
    """What a pod asks of its node and what it may use at most."""
    env: Annotated[tuple[EnvironmentVariable, ...], Field(max_length=64), Distinct(by="name")] = ()
    """Environment variables beside our own."""
    node_selector: Mapping[str, LabelValue] = Field(default_factory=dict, max_length=16)
    """Labels that a node must have."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """Taints that the pods may ignore."""
    affinity: Mapping[str, Any] | None = Field(
        default=None, json_schema_extra={"type": "object", **UNTYPED}
    )
    """Kubernetes' own affinity, passed through: the API server checks it in the pod."""
    priority_class_name: ObjectName | None = None
    """Priority of the pods."""
