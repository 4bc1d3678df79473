"""What the environment tells the operator; the only module that reads it.

No name ends in `_PORT` or `_SERVICE_HOST`: Kubernetes sets such variables for every
Service of the namespace, and one called `leadsman-metrics` would set ours.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from datetime import timedelta
from importlib import metadata
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from leadsman_api.durations import format_duration
from leadsman_api.ports import Port
from leadsman_api.values import HttpUri, Image, ObjectName, PositiveDuration
from leadsman_operator.planner.observation import Configuration

PREFIX = "LEADSMAN_"
VERSION = metadata.version("leadsman-operator")

CREDENTIALS = (
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
)
"""What opens the operator's own MLflow server, by MLflow's own names."""

_SHORTEST_LEASE = timedelta(seconds=4)
_SECRETIVE = frozenset({"tracking_uri", "prometheus_url", "study_url"})

PortNumber = Annotated[int, Field(ge=0, le=65535)]


class InvalidSettings(Exception):
    """Variables of the environment are wrong; the message names each and says what to write."""


def _words(given: object) -> object:
    return tuple(given.replace(",", " ").split()) if isinstance(given, str) else given


def _unset(given: object) -> object:
    """A chart writes an empty text for what its user left out."""
    return None if given == "" else given


def _fit_for_a_lease(given: timedelta) -> timedelta:
    """A Lease counts whole seconds, and a leader needs some of them to renew it."""
    if given < _SHORTEST_LEASE or given % timedelta(seconds=1):
        raise PydanticCustomError("lease", "write whole seconds, at least 4s, such as 10s")
    return given


Names = Annotated[tuple[ObjectName, ...], BeforeValidator(_words)]
OrNothing = BeforeValidator(_unset)


class Settings(BaseModel):
    """Settings of the operator; the variable of a field is its name in capitals, prefixed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    serving_image: Image = f"leadsman/serving:{VERSION}"
    """Image of the pods that serve models."""

    training_image: Image = f"leadsman/training:{VERSION}"
    """Image of the pods that train models."""

    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When these two images are pulled."""

    tracking_uri: Annotated[HttpUri | None, OrNothing] = None
    """MLflow server of resources that name none; its credentials come in MLflow's variables."""

    prometheus_url: Annotated[HttpUri | None, OrNothing] = None
    """Prometheus that counts are read from; without one they are read from the pods."""

    study_url: Annotated[SecretStr | None, OrNothing] = None
    """Database of the studies of runs that name none, such as postgresql://user:word@host/name."""

    experiment_prefix: Annotated[str, Field(min_length=1, max_length=128)] = "leadsman"
    """First part of the names of MLflow experiments."""

    scrape_interval: PositiveDuration = timedelta(seconds=15)
    """How often counts are read; older than two of these they are stale."""

    registry_poll: PositiveDuration = timedelta(seconds=10)
    """How often a registry is asked what changed."""

    namespaces: Names = ()
    """Namespaces that are looked after, with commas between them; none means all."""

    concurrent_reconciles: Annotated[int, Field(ge=1, le=1000)] = 8
    """How many resources are reconciled at the same time."""

    reconcile_timeout: PositiveDuration = timedelta(minutes=2)
    """How long one reconcile may take before it is given up and tried again."""

    lease_namespace: ObjectName = "leadsman-system"
    """Namespace of the Lease that says which replica acts."""

    lease_name: ObjectName = "leadsman-operator"
    """Name of that Lease: operators with different names act side by side."""

    lease_duration: Annotated[PositiveDuration, AfterValidator(_fit_for_a_lease)] = timedelta(
        seconds=10
    )
    """How long a replica that fell silent keeps the others waiting."""

    identity: Annotated[Annotated[str, Field(max_length=253)] | None, OrNothing] = None
    """Name of this replica in the Lease; by default the name of its host, which is its pod's."""

    port_metrics: PortNumber = Port.OPERATOR_METRICS
    """Where Prometheus reads the operator's own metrics; 0 takes any free port."""

    port_health: PortNumber = Port.OPERATOR_HEALTH
    """Where probes are answered; 0 takes any free port."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severe log line that is written."""

    log_format: Literal["json", "text"] = "json"
    """json for machines, text for people."""

    tracking_credentials: Mapping[str, SecretStr] = Field(default_factory=dict, exclude=True)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; `InvalidSettings` names every variable that is wrong."""
        given: dict[str, Any] = {
            field: environment[variable_of(field)]
            for field in settable_fields()
            if variable_of(field) in environment
        }
        given["tracking_credentials"] = {
            name: environment[name] for name in CREDENTIALS if environment.get(name)
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise InvalidSettings(_complaints(error)) from error

    def configuration(self) -> Configuration:
        """The part of it that decisions depend on."""
        return Configuration(
            serving_image=self.serving_image,
            training_image=self.training_image,
            tracking_uri=self.tracking_uri,
            tracking_credentials={
                name: secret.get_secret_value()
                for name, secret in self.tracking_credentials.items()
            },
            prometheus_url=self.prometheus_url,
            study_url=self.study_url.get_secret_value() if self.study_url else None,
            scrape_interval=self.scrape_interval,
            image_pull_policy=self.image_pull_policy,
            experiment_prefix=self.experiment_prefix,
        )


def settable_fields() -> tuple[str, ...]:
    """The fields that have a variable of ours."""
    return tuple(name for name in Settings.model_fields if name != "tracking_credentials")


def forget_credentials(environment: MutableMapping[str, str]) -> None:
    """Take MLflow's credentials out of the environment once they are read.

    MLflow's client would send them to every registry that a resource names, whoever runs it.
    """
    for name in CREDENTIALS:
        environment.pop(name, None)


def describe_settings() -> str:
    """Each variable with its default and what it is for, as `--help` prints it."""
    lines = []
    for name in settable_fields():
        field = Settings.model_fields[name]
        meaning = (field.description or "").partition("\n")[0]
        default = _written(field.default)
        lines.append(f"  {variable_of(name)} (default: {default})\n      {meaning}")
    lines += [f"  {name}\n      Opens {variable_of('tracking_uri')}." for name in CREDENTIALS]
    return "\n".join(lines)


def _written(default: object) -> str:
    """A default as it would be written in the environment."""
    if isinstance(default, timedelta):
        return format_duration(default)
    return str(default) if default not in (None, ()) else "none"


def variable_of(field: str) -> str:
    """The environment variable that sets a field."""
    return PREFIX + field.upper()


def _complaints(error: ValidationError) -> str:
    """What is wrong, a sentence a variable; what may hold a password is not repeated."""
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        field = str(problem["loc"][0])
        shown = "" if field in _SECRETIVE else f"={problem['input']!r}"
        found.setdefault(field, f"{variable_of(field)}{shown}: {problem['msg']}")
    return "; ".join(found.values())
