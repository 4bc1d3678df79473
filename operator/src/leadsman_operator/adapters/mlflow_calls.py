"""Calls of MLflow's REST API, in threads, with an end to all patience and errors of our own.

MLflow's client is made for one server a process, named by the environment, and waits for minutes
when that is down. So its stores are used, each with the address and credentials it is made for.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.rest_store import RestStore as RegistryStore
from mlflow.store.tracking.rest_store import RestStore as TrackingStore
from mlflow.utils.rest_utils import MlflowHostCreds
from mlflow.utils.workspace_context import WorkspaceContext

from leadsman_api.environment import MlflowVariable
from leadsman_api.reasons import Reason
from leadsman_operator.errors import EdgeError, Refused, Unreachable
from leadsman_operator.ports import Endpoint

RETRIES, REQUEST_SECONDS, CALL_SECONDS, THREADS = "1", "5", 15.0, 8
_NO_SUCH = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")
_OUR_FAULT = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_ALREADY_EXISTS")

Answer = TypeVar("Answer")


class Server:
    """One MLflow server, with the library's stores for it."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Keep how it is reached."""
        self.endpoint = endpoint

    @cached_property
    def registry(self) -> RegistryStore:
        """Its registered models and versions."""
        return RegistryStore(self._credentials)

    @cached_property
    def tracking(self) -> TrackingStore:
        """Its experiments and runs."""
        return TrackingStore(self._credentials)

    def _credentials(self) -> MlflowHostCreds:
        values = self.endpoint.credentials
        return MlflowHostCreds(
            self.endpoint.address,
            username=values.get("MLFLOW_TRACKING_USERNAME"),
            password=values.get("MLFLOW_TRACKING_PASSWORD"),
            token=values.get("MLFLOW_TRACKING_TOKEN"),
        )


class Calls:
    """Carries out calls to servers in threads of its own."""

    def __init__(self) -> None:
        """Limit the library's patience and make the threads."""
        os.environ[MlflowVariable.RETRIES] = RETRIES
        os.environ[MlflowVariable.TIMEOUT] = REQUEST_SECONDS
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="mlflow")
        self._servers: dict[tuple[str, str | None, tuple[tuple[str, str], ...]], Server] = {}

    async def __call__(
        self, endpoint: Endpoint, call: Callable[[Server], Answer], what: str
    ) -> Answer | None:
        """Make a call; None when what it is about is not there.

        Raises Unreachable when there is no answer or none that counts, Refused for a no.
        """
        server = self._server(endpoint)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await loop.run_in_executor(self._threads, _within, server, call)
        except TimeoutError as error:
            raise Unreachable(
                Reason.REGISTRY_UNREACHABLE,
                f"MLflow at {endpoint.address} did not answer within {CALL_SECONDS:g} s: {what}",
            ) from error
        except MlflowException as error:
            if error.error_code in _NO_SUCH:
                return None
            raise _converted(error, endpoint, what) from error

    def _server(self, endpoint: Endpoint) -> Server:
        key = (endpoint.address, endpoint.workspace, _sorted(endpoint.credentials))
        if key not in self._servers:
            self._servers[key] = Server(endpoint)
        return self._servers[key]


def _sorted(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(values.items()))


def _within(server: Server, call: Callable[[Server], Answer]) -> Answer:
    """Make the call in the workspace that the server's endpoint names."""
    if server.endpoint.workspace is None:
        return call(server)
    with WorkspaceContext(server.endpoint.workspace):
        return call(server)


def _converted(error: MlflowException, endpoint: Endpoint, what: str) -> EdgeError:
    """What an error of the library means for us."""
    said = str(error)
    status = error.get_http_status_code()
    where = f"MLflow at {endpoint.address}"
    if "Invalid Host header" in said:
        return Unreachable(
            Reason.HOST_NOT_ALLOWED,
            f"{where} refuses its own name: add it to the server's --allowed-hosts",
        )
    if status in (401, 403) or error.error_code in ("PERMISSION_DENIED", "UNAUTHENTICATED"):
        return Unreachable(
            Reason.REGISTRY_FORBIDDEN, f"{where} refused the credentials ({what}): {said[:200]}"
        )
    if error.error_code in _OUR_FAULT:
        return Refused(Reason.REFUSED, f"{where} refused {what}: {said[:300]}")
    return Unreachable(
        Reason.REGISTRY_UNREACHABLE, f"{where} did not answer ({what}): {said[:300]}"
    )
