"""The HPA has figures to decide on."""

from __future__ import annotations

from support import workloads
from support.kubectl import Kubectl

AUTOSCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "busy"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "busy"},
        "minReplicas": 1,
        "maxReplicas": 2,
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": 50},
                },
            }
        ],
    },
}
SPIN = ["python", "-c", "while True: sum(range(10000))"]


def test_a_busy_deployment_is_scaled_up_by_its_cpu(kubectl: Kubectl, namespace: str) -> None:
    """The HPA reads the CPU that pods use and adds a replica when it is above the target."""
    busy = workloads.deployment("busy", SPIN)
    busy["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] = {"cpu": "100m"}
    kubectl.apply(busy, AUTOSCALER, namespace=namespace)
    for path in (
        "{.status.conditions[?(@.type=='ScalingActive')].status}=True",
        "{.status.desiredReplicas}=2",
    ):
        kubectl(
            "-n", namespace, "wait", "hpa/busy", f"--for=jsonpath={path}", "--timeout=150s",
            timeout=160,
        )  # fmt: skip
    used = kubectl.get("-n", namespace, "hpa", "busy")["status"]["currentMetrics"][0]["resource"]

    assert used["name"] == "cpu"
    assert used["current"]["averageUtilization"] > 50
