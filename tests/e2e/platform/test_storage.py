"""The default StorageClass really provisions."""

from __future__ import annotations

from support import workloads
from support.kubectl import Kubectl

CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Mi"}}},
}


def run_with_claim(kubectl: Kubectl, namespace: str, name: str, script: str) -> str:
    """Run a pod with the claim at /data to its end; return what it printed, and delete it."""
    pod = workloads.pod(name, ["python", "-c", script], restartPolicy="Never")
    pod["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    pod["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    kubectl.apply(pod, namespace=namespace)
    kubectl(
        "-n", namespace, "wait", f"pod/{name}", "--for=jsonpath={.status.phase}=Succeeded",
        "--timeout=120s", timeout=130,
    )  # fmt: skip
    printed = kubectl("-n", namespace, "logs", name)
    kubectl("-n", namespace, "delete", "pod", name)
    return printed.strip()


def test_a_claim_is_bound_and_keeps_its_data(kubectl: Kubectl, namespace: str) -> None:
    """What one pod wrote into a claim, the next pod reads; no StorageClass had to be named."""
    kubectl.apply(CLAIM, namespace=namespace)
    run_with_claim(kubectl, namespace, "writer", "open('/data/mark', 'w').write('kept')")
    read = run_with_claim(kubectl, namespace, "reader", "print(open('/data/mark').read())")

    assert read == "kept"
    assert kubectl.get("-n", namespace, "pvc", "data")["status"]["phase"] == "Bound"


def test_a_deleted_claim_takes_its_volume_along(kubectl: Kubectl, namespace: str) -> None:
    """The provisioner removes the volume of a claim that is gone."""
    kubectl.apply(CLAIM, namespace=namespace)
    run_with_claim(kubectl, namespace, "writer", "open('/data/mark', 'w').write('gone')")
    volume = kubectl.get("-n", namespace, "pvc", "data")["spec"]["volumeName"]
    kubectl("-n", namespace, "delete", "pvc", "data")
    kubectl("wait", f"pv/{volume}", "--for=delete", "--timeout=60s", timeout=70)

    assert kubectl.attempt("get", "pv", volume).returncode != 0
