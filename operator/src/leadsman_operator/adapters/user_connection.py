"""How a person reaches the Kubernetes API: as kubectl would with the same options."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from leadsman_api.reasons import Reason
from leadsman_operator.adapters.clock import SystemClock
from leadsman_operator.adapters.kubernetes import KubernetesCluster
from leadsman_operator.errors import Refused

_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"
_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_DEFAULT_CONFIG = Path("~/.kube/config")


@asynccontextmanager
async def connect_as_user(
    kubeconfig: str | None, context: str | None
) -> AsyncIterator[tuple[KubernetesCluster, str]]:
    """The cluster and the context's namespace; Refused when nothing says where the cluster is.

    A kubeconfig counts before the account of a pod, as for kubectl.
    """
    configuration = Configuration()
    try:
        if _by_account(kubeconfig, context):
            load_incluster_config(client_configuration=configuration)
            namespace = _namespace_of_pod()
        else:
            namespace = await _load(configuration, kubeconfig, context)
    except (ConfigException, OSError, ValueError) as error:
        raise Refused(Reason.CLUSTER_UNREACHABLE, _nowhere(kubeconfig, error)) from error
    async with ApiClient(configuration) as api:
        yield KubernetesCluster(api, SystemClock()), namespace or "default"


async def _load(configuration: Configuration, kubeconfig: str | None, context: str | None) -> str:
    _check_file(kubeconfig)
    loader = await load_kube_config(
        config_file=kubeconfig,
        context=context,
        client_configuration=configuration,
        persist_config=False,
    )
    found = loader.current_context.get("context", {}).get("namespace")
    return str(found or "default")


def _check_file(kubeconfig: str | None) -> None:
    """A file that is named and missing would be passed over in silence."""
    if kubeconfig is None and "KUBECONFIG" in os.environ:
        return
    file = Path(kubeconfig) if kubeconfig else _DEFAULT_CONFIG.expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")


def _namespace_of_pod() -> str:
    return _POD_NAMESPACE.read_text().strip()


def _by_account(kubeconfig: str | None, context: str | None) -> bool:
    given = kubeconfig or context or os.environ.get("KUBECONFIG")
    return not given and _IN_CLUSTER in os.environ and not _DEFAULT_CONFIG.expanduser().is_file()


def _nowhere(kubeconfig: str | None, error: Exception) -> str:
    where = f"--kubeconfig {kubeconfig}" if kubeconfig else "KUBECONFIG or ~/.kube/config"
    return f"no cluster to connect to ({where}): {error}"
