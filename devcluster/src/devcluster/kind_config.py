"""Writes kind's configuration from what is known of the host and what was asked for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

__all__ = ["AUDIT_LOG", "Shape", "kind_config"]

POD_CIDR = "10.244.0.0/16"
ACCEPT_CGROUP_V1 = """\
kind: KubeletConfiguration
apiVersion: kubelet.config.k8s.io/v1beta1
failCgroupV1: false
"""
AUDIT_LOG = PurePosixPath("/var/log/kubernetes/audit.log")
"""Where the control plane's node keeps the record of requests."""
AUDIT_POLICY = PurePosixPath("/etc/kubernetes/audit/policy.yaml")
RECORD_REQUESTS = f"""\
kind: ClusterConfiguration
apiServer:
  extraArgs:
    audit-policy-file: {AUDIT_POLICY}
    audit-log-path: {AUDIT_LOG}
    audit-log-maxsize: "50"
    audit-log-maxbackup: "2"
  extraVolumes:
    - name: audit-policy
      hostPath: {AUDIT_POLICY.parent}
      mountPath: {AUDIT_POLICY.parent}
      readOnly: true
      pathType: Directory
    - name: audit-log
      hostPath: {AUDIT_LOG.parent}
      mountPath: {AUDIT_LOG.parent}
      pathType: DirectoryOrCreate
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a cluster looks like from outside."""

    name: str
    workers: int
    api_port: int | None = None
    """Port of the API server on 127.0.0.1; any free one when None."""
    publish: tuple[tuple[int, int], ...] = ()
    """Pairs of a port on 127.0.0.1 and a NodePort of the control plane's node."""


def kind_config(
    shape: Shape, *, own_network: bool, cgroup_version: int, audit_policy: Path
) -> dict[str, Any]:
    """Return the configuration that `kind create cluster` reads.

    `own_network` says that the node image is a built one, without kind's network plugin;
    `audit_policy` is a file of this machine that stays where it is as long as the cluster.
    """
    networking: dict[str, Any] = {"podSubnet": POD_CIDR, "disableDefaultCNI": own_network}
    if shape.api_port:
        networking["apiServerPort"] = shape.api_port
    policy = {"hostPath": str(audit_policy), "containerPath": str(AUDIT_POLICY), "readOnly": True}
    control_plane: dict[str, Any] = {"role": "control-plane", "extraMounts": [policy]}
    if shape.publish:
        control_plane["extraPortMappings"] = [
            {"listenAddress": "127.0.0.1", "hostPort": host, "containerPort": node}
            for host, node in shape.publish
        ]
    config: dict[str, Any] = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": shape.name,
        "networking": networking,
        "nodes": [control_plane, *({"role": "worker"} for _ in range(shape.workers))],
        "kubeadmConfigPatches": [RECORD_REQUESTS],
    }
    if cgroup_version == 1:  # Kubernetes 1.35 refuses cgroup v1 unless told that we know
        config["kubeadmConfigPatches"].append(ACCEPT_CGROUP_V1)
    return config
