"""What the environment tells the process; the only module that reads it.

No name ends in `_PORT` or `_SERVICE_HOST`: Kubernetes sets such variables for every
Service of the namespace, and one called `leadsman-http` would set ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from leadsman_api.ports import Port
from leadsman_api.termination import TERMINATION_PATH
from leadsman_api.v1alpha1.model_source import Loading
from leadsman_api.v1alpha1.serving import Limits, PayloadLog
from leadsman_api.v1alpha1.shadow import Shadow
from leadsman_serving.errors import InvalidSettings

PREFIX = "LEADSMAN_"

PortNumber = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]


def _from_json(value: object) -> object:
    return Limits.model_validate_json(value) if isinstance(value, str) else value


def _log_from_json(value: object) -> object:
    """None for an empty variable: no log."""
    if not isinstance(value, str):
        return value
    return PayloadLog.model_validate_json(value) if value else None


def _shadow_from_json(value: object) -> object:
    return Shadow.model_validate_json(value) if isinstance(value, str) else value


class Settings(BaseModel):
    """Settings of the server; the variable of a field is its name in capitals, prefixed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    port_http: PortNumber = Port.SERVING_HTTP
    """Where clients ask for predictions; 0 takes any free port and logs which."""

    port_grpc: PortNumber = Port.SERVING_GRPC
    """Where clients ask over gRPC; 0 takes any free port and logs which."""

    grpc: bool = True
    """Whether the Open Inference Protocol is answered over gRPC too."""

    port_copies: PortNumber = Port.SERVING_COPIES
    """Where copies of requests come, once there is a stable revision to be compared with."""

    port_side: PortNumber = Port.SERVING_SIDE
    """Where probes and metrics are answered, apart from the clients' traffic."""

    drain_seconds: Seconds = 5.0
    """How long requests are still accepted after SIGTERM, while readiness is already off.

    Endpoints leave the load balancers only some time after a pod began to terminate.
    """

    finish_seconds: Annotated[int, Field(ge=0, le=3600)] = 30
    """How long requests that are open when the port closes may take before they are cut."""

    stuck_seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 30.0
    """How long the event loop may stand still before liveness fails."""

    head_seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 10.0
    """How long a client may take for the headers of a request before its connection is closed."""

    stalled_seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 30.0
    """How long an answer may wait for a client that reads none of it."""

    most_connections: Annotated[int, Field(ge=1, le=1_000_000)] = 4096
    """Connections at a time; beyond that idle ones are closed, and new ones refused with 503."""

    keep_alive_seconds: Annotated[int, Field(ge=1, le=3600)] = 75
    """How long an idle connection stays open; longer than the 60 s that proxies keep one."""

    quick: bool = True
    """Whether usual requests are answered below ASGI: faster, by uvicorn's private interfaces.

    Without effect under a version of uvicorn that this was not tested with.
    """

    threads: Annotated[int, Field(ge=0, le=256)] = 1
    """Threads of OpenMP for one call of a slow model; 0 for the whole CPUs of the pod's limit.

    Pods scale, and a thread more than the limit allows stops all others: hence one.
    """

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severe log line that is written."""

    model_dir: str = ""
    """Folder that the fetch step has put the model's files into; without one nothing is served."""

    model_name: str = ""
    """The registered model."""

    model_version: str = ""
    """Its version."""

    model_source: str = ""
    """Where the registry must say that the version's files are; any place when empty."""

    model_digest: str = ""
    """The digest that the files must have; any when empty."""

    loading: Loading = Loading.SAFE
    """Safe: data-only formats and allow-listed types. Trusted: pickle and code too."""

    revision: str = ""
    """The revision that this pod serves."""

    limits: Annotated[Limits, BeforeValidator(_from_json)] = Limits()
    """What a client may ask for, as the JSON of spec.serving.limits."""

    payload_log: Annotated[PayloadLog | None, BeforeValidator(_log_from_json)] = None
    """Where a sample of requests and answers is sent, as the JSON of spec.serving.payloadLog."""

    stable_address: str = ""
    """The stable revision's port for copies, which is asked the same; no copies when empty."""

    shadow: Annotated[Shadow, BeforeValidator(_shadow_from_json)] = Shadow()
    """How copies are compared, as the JSON of spec.rollout.shadow."""

    flush_seconds: Seconds = 10.0
    """How long the process may take at its end to send what sinks have not yet taken."""

    api_keys_dir: str = ""
    """Folder whose files each hold an accepted API key; everybody is served when empty."""

    termination_path: str = TERMINATION_PATH
    """File for the last words of the process, which reach the pod's status."""

    fetch_seconds: Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)] = 300.0
    """How long the fetch step tries to reach the registry before it gives up."""

    git_commit: str = ""
    """The commit that the image was built from; set by the image."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; `InvalidSettings` names every variable that is wrong."""
        given = {
            field: environment[variable_of(field)]
            for field in cls.model_fields
            if variable_of(field) in environment
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise InvalidSettings(_complaints(error)) from error


def describe_settings() -> str:
    """Each variable with its default and what it is for, as `--help` prints it."""
    lines = []
    for name, field in Settings.model_fields.items():
        meaning = (field.description or "").partition("\n")[0]
        shown = json.dumps(field.default, default=lambda limits: limits.to_wire())
        lines.append(f"  {variable_of(name)} (default: {shown})\n      {meaning}")
    return "\n".join(lines)


def variable_of(field: str) -> str:
    """The environment variable that sets a field."""
    return PREFIX + field.upper()


def _complaints(error: ValidationError) -> str:
    return "; ".join(
        f"{variable_of(str(problem['loc'][0]))}={problem['input']!r}: {problem['msg']}"
        for problem in error.errors(include_url=False)
    )
