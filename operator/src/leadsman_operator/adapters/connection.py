"""How the operator reaches the Kubernetes API: as its pod's account, or as a kubeconfig says."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import ClientError
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import (
    ConfigException,
    load_incluster_config,
    load_kube_config,
)

from leadsman_api.labels import API_VERSION
from leadsman_api.reasons import Reason
from leadsman_operator.errors import Refused, Unreachable

_UNLIMITED = 0
"""Each watch holds a connection for minutes: a limit would have reads wait behind them."""
_TIMEOUT_SECONDS = 5.0
_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"


@asynccontextmanager
async def connect() -> AsyncIterator[ApiClient]:
    """A client until the block ends; Refused when nothing says where the cluster is."""
    configuration = Configuration()
    configuration.connection_pool_maxsize = _UNLIMITED
    try:
        if _IN_CLUSTER in os.environ:
            load_incluster_config(client_configuration=configuration)
        else:
            await load_kube_config(client_configuration=configuration)
    except (ConfigException, OSError) as error:
        message = f"no cluster to connect to: run it in a pod, or set KUBECONFIG ({error})"
        raise Refused(Reason.CLUSTER_UNREACHABLE, message) from error
    async with ApiClient(configuration) as client:
        yield client


async def knows_our_resources(api: ApiClient) -> bool:
    """Whether the custom resources are installed; raises Unreachable when that can't be told."""
    path = f"/apis/{API_VERSION}"
    headers: dict[str, str] = {}
    try:
        await api.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
        url = f"{api.configuration.host}{path}"
        answer = await api.call_api("GET", url, headers, _request_timeout=_TIMEOUT_SECONDS)
    except (ClientError, OSError, TimeoutError) as error:
        message = f"the Kubernetes API did not answer: {type(error).__name__} {error}"
        raise Unreachable(Reason.CLUSTER_UNREACHABLE, message) from error
    return bool(answer.status == HTTPStatus.OK)
