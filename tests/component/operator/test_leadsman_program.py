"""`leadsman` as a process, with a kubeconfig and an API server over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.kubernetes_api import KubernetesApi

RESOURCE: dict[str, Any] = {
    "apiVersion": "leadsman.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "churn", "namespace": "ml"},
    "spec": {"model": {"name": "churn", "alias": "champion"}},
    "status": {
        "phase": "RollingOut",
        "message": "version 2 has 30 percent",
        "stable": {"name": "churn-1-a", "version": 1},
        "candidate": {"name": "churn-2-b", "version": 2},
        "weight": 30,
        "rollout": {
            "step": 1, "stepWeight": 30,
            "startedAt": "2026-01-01T00:00:00Z", "stepStartedAt": "2026-01-01T00:00:00Z",
        },
    },
}  # fmt: skip


def leadsman(*arguments: str, kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program with a clean environment."""
    kept = {name: os.environ[name] for name in ("PATH", "COVERAGE_FILE") if name in os.environ}
    environment = {**kept, "HOME": "/nonexistent"}
    if kubeconfig is not None:
        environment["KUBECONFIG"] = str(kubeconfig)
    program = "import sys; from leadsman_operator.cli.entry import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, check=False, env=environment, timeout=60,
    )  # fmt: skip


def test_it_reads_and_writes_as_the_user_of_the_kubeconfig(tmp_path: Path) -> None:
    """The context's namespace counts, and a command carries the user's name."""
    server = KubernetesApi(user="ada")
    server.create("modeldeployments", RESOURCE)
    with server.serve():
        kubeconfig = server.write_kubeconfig(tmp_path / "config")
        config = json.loads(kubeconfig.read_text())
        config["contexts"][0]["context"]["namespace"] = "ml"
        kubeconfig.write_text(json.dumps(config))
        seen = leadsman("status", kubeconfig=kubeconfig)
        asked = leadsman("promote", "churn", "--no-wait", "--kubeconfig", str(kubeconfig))
        elsewhere = leadsman("status", "--context", "gone", kubeconfig=kubeconfig)
    assert (seen.returncode, seen.stderr) == (0, "")
    assert seen.stdout.splitlines()[1].split()[:3] == ["churn", "RollingOut", "1"]
    assert (asked.returncode, asked.stdout) == (0, "churn: asked for Promote\n")
    command = server.objects["modeldeployments", "ml", "churn"]["spec"]["rollout"]["command"]
    assert {name: command[name] for name in ("verb", "revision", "step", "by")} == {
        "verb": "Promote", "revision": "churn-2-b", "step": 1, "by": "ada"
    }  # fmt: skip
    assert "create selfsubjectreviews" in server.calls
    assert elsewhere.returncode == 1
    assert "gone" in elsewhere.stderr


def test_no_cluster_is_a_sentence_and_no_traceback(tmp_path: Path) -> None:
    """Nothing says where it is, or nobody is there."""
    server = KubernetesApi()
    with server.serve():
        kubeconfig = server.write_kubeconfig(tmp_path / "config")
    for result, says in (
        (leadsman("status"), "there is no file /nonexistent/.kube/config"),
        (leadsman("status", "--kubeconfig", "gone"), "there is no file gone"),
        (leadsman("status", kubeconfig=kubeconfig), "Check the cluster with `kubectl version`"),
    ):
        assert result.returncode == 1
        assert says in result.stderr
        assert "Traceback" not in result.stderr
