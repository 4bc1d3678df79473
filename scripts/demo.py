"""`make demo`: a model's whole life on a real cluster, told as it happens.

A search, a gate, a registered version, a deployment under steady traffic, a second version that
is rolled out, and two bad ones that are taken back. Every step may be repeated; `--help` says
what can be left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo_cluster import STACK, Cluster, devcluster, find_cluster, install
from mlflow import MlflowClient

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "examples" / "demo"
NAMESPACE = "ml"
MODEL = "breast-cancer"
RATE = 20
TRAINING_SECONDS = 300
ROLLOUT_SECONDS = 240
BAD_VERSIONS = {
    "errors": "its encoder fails on numbers that it has never seen",
    "slow": "three hundred models that vote, where a line would do",
}


@dataclass
class Demo:
    """The story, and what is told at its end."""

    cluster: Cluster
    began: float = field(default_factory=time.monotonic)
    rows: list[tuple[str, str]] = field(default_factory=list)

    def say(self, text: str = "") -> None:
        """One line of the story, with the time since it began."""
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        print(f"[{minutes:02}:{seconds:02}] {text}" if text else "", flush=True)

    def title(self, text: str) -> None:
        """A new part of the story."""
        print(flush=True)
        self.say(f"== {text}")

    def resource(self, kind: str, name: str) -> dict[str, Any]:
        """One of the resources, as the cluster has it."""
        return self.cluster.get(kind, name, "-n", NAMESPACE)

    def follow(
        self,
        kind: str,
        name: str,
        line: Callable[[dict[str, Any]], str],
        done: Callable[[dict[str, Any]], bool],
        within_seconds: float,
    ) -> dict[str, Any]:
        """Tell each new line about a resource until it is done; give back its status."""
        deadline, told = time.monotonic() + within_seconds, ""
        while True:
            status = self.resource(kind, name).get("status", {})
            said = line(status)
            if said and said != told:
                self.say(f"   {said}")
                told = said
            if done(status):
                return dict(status)
            if time.monotonic() > deadline:
                raise SystemExit(f"{kind}/{name} is not done after {within_seconds} s: {said}")
            time.sleep(1)

    def forget_earlier(self) -> None:
        """Begin as on a fresh cluster, whatever an earlier run has left."""
        self.cluster.fresh_namespace(NAMESPACE)
        with self.cluster.forwarded(STACK, "mlflow", 5000) as address:
            client = MlflowClient(address)
            if client.search_registered_models(f"name = '{MODEL}'"):
                client.delete_registered_model(MODEL)

    def counted(self) -> dict[str, Any]:
        """What the steady client has counted until now."""
        line = self.cluster.kubectl("-n", NAMESPACE, "logs", "steady-client", "--tail=1").strip()
        return dict(json.loads(line)) if line.startswith("{") else {}


def failures(counted: dict[str, Any]) -> int:
    """Requests without a prediction."""
    return sum(counted.get("failed", {}).values())


def train(demo: Demo, number: int) -> None:
    """A TrainingRun, from its first trial to a version in the registry."""
    name = f"{MODEL}-{number}"
    demo.title(f"TrainingRun {name}: 20 trials on 2 workers, a gate, a version")
    demo.cluster.apply(DEMO / f"training-run-{number}.yaml", NAMESPACE)
    status = demo.follow(
        "trainingrun",
        name,
        lambda status: str(status.get("message") or ""),
        lambda status: status.get("phase") in ("Succeeded", "Rejected", "Failed"),
        TRAINING_SECONDS,
    )
    if status["phase"] != "Succeeded":
        raise SystemExit(f"trainingrun/{name}: {status.get('message')}")
    best = status["best"]
    demo.say(f"   best trial {best['number']}: {best['value']:.4f} with {best['parameters']}")
    for check in status["gate"]["checks"]:
        demo.say(f"   gate: {check['message']}")
    version = status["modelVersion"]
    demo.rows.append((f"version {version}", f"trained, roc_auc {best['value']:.4f}, gate passed"))


def deploy(demo: Demo) -> None:
    """A ModelDeployment that follows the alias, and a client that asks it from then on."""
    demo.title("ModelDeployment breast-cancer: serves what the alias champion points at")
    demo.cluster.apply(DEMO / "model-deployment.yaml", NAMESPACE)
    follow_rollout(demo, lambda status: bool(status.get("stable")) and is_ready(status))
    demo.title(f"steady traffic: {RATE} requests a second, every answer is counted")
    start_client(demo)
    counted = demo.counted()
    demo.say(f"   {counted['answered']} answers, {failures(counted)} failed")


def is_ready(status: dict[str, Any]) -> bool:
    """Whether the resource does what its spec asks for."""
    return any(
        one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", [])
    )


def follow_rollout(demo: Demo, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Tell what the ModelDeployment says until it is done."""
    return demo.follow(
        "modeldeployment",
        MODEL,
        lambda status: str(status.get("message") or ""),
        done,
        ROLLOUT_SECONDS,
    )


def start_client(demo: Demo) -> None:
    """The steady client, as a pod in the cluster."""
    cluster = demo.cluster
    cluster.kubectl("-n", NAMESPACE, "delete", "pod", "steady-client", "--ignore-not-found")
    url = f"http://{MODEL}.{NAMESPACE}.svc/predict"
    cluster.replace_config_map(
        NAMESPACE,
        "steady-client",
        {
            "steady_client.py": (DEMO / "steady_client.py").read_text(),
            "bodies": bodies(),
            "url": url,
            "rate": str(RATE),
        },
    )
    cluster.apply(DEMO / "steady-client.yaml", NAMESPACE)
    cluster.kubectl(
        "-n", NAMESPACE, "wait", "pod/steady-client", "--for=condition=Ready", "--timeout=90s"
    )
    while not demo.counted().get("answered"):
        time.sleep(1)


def bodies() -> str:
    """Requests for single rows of the data, one JSON body a line."""
    from sklearn.datasets import load_breast_cancer  # noqa: PLC0415 - slow, needed late

    rows = load_breast_cancer(as_frame=True)["data"].head(200).to_dict("records")
    return "\n".join(json.dumps({"features": row}) for row in rows)


def roll_out(demo: Demo) -> None:
    """The alias has moved to version 2: it is rolled out under the traffic."""
    demo.title("the alias has moved: version 2 is rolled out under the traffic")
    before = demo.counted()
    status = follow_rollout(
        demo,
        lambda status: (status.get("stable") or {}).get("version") == 2 and is_ready(status),  # noqa: PLR2004 - the second version
    )
    after = demo.counted()
    failed = failures(after) - failures(before)
    asked = after["sent"] - before["sent"]
    demo.say(f"   {asked} requests meanwhile, {failed} failed; by version: {after['versions']}")
    demo.rows.append(
        (f"version {status['stable']['version']}", f"rolled out: {asked} requests, {failed} failed")
    )


def roll_back(demo: Demo, kind: str) -> None:
    """A colleague registers a bad version past every gate: it is taken back by itself."""
    demo.title(f"a colleague registers a bad version by hand: {BAD_VERSIONS[kind]}")
    with demo.cluster.forwarded(STACK, "mlflow", 5000) as address:
        number = int(colleague(address, kind))
    demo.say(f"   version {number} carries the alias champion")
    before, moved = demo.counted(), time.monotonic()
    status = follow_rollout(
        demo,
        lambda status: (
            status.get("phase") == "RolledBack"
            and any(one["version"] == number for one in status.get("blocked", []))
            and not status.get("candidate")
        ),
    )
    after = demo.counted()
    bad, asked = failures(after) - failures(before), after["sent"] - before["sent"]
    told = next(one for one in status["history"] if one["reason"] == "RolledBack")
    seconds = time.monotonic() - moved
    demo.rows.append(
        (
            f"version {number}",
            (
                f"rolled back {seconds:.0f} s after the alias moved: {bad} of {asked} answers were"
                f" errors ({told['message']})"
            ),
        )
    )
    demo.say(f"   {bad} of {asked} answers meanwhile were errors; version 2 serves")


def colleague(address: str, kind: str) -> str:
    """Run the colleague's program; gives the number of the version."""
    result = subprocess.run(
        [sys.executable, str(DEMO / "colleague.py"), MODEL, kind],
        env={**os.environ, "MLFLOW_TRACKING_URI": address},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise SystemExit(f"colleague.py {kind}: {result.stderr}")
    return result.stdout.splitlines()[-1]


def summary(demo: Demo) -> None:
    """What happened, and how to look around."""
    demo.title("what happened")
    width = max(len(name) for name, _ in demo.rows)
    for name, text in demo.rows:
        print(f"  {name:<{width}}  {text}")
    counted = demo.counted()
    print(f"  {'client':<{width}}  {counted['sent']} requests, {failures(counted)} failed in all")
    print(
        f"""
The cluster is up. To look around:
  export KUBECONFIG={demo.cluster.kubeconfig} PATH={demo.cluster.tools}:$PATH
  kubectl get md,tr -n {NAMESPACE}
  kubectl describe md {MODEL} -n {NAMESPACE}       # conditions, history and events
  kubectl logs -n {NAMESPACE} steady-client --tail=1    # every answer, counted
  kubectl -n leadsman-stack port-forward service/mlflow 5000      # http://localhost:5000
  kubectl -n leadsman-stack port-forward service/prometheus 9090  # http://localhost:9090
  kubectl -n {NAMESPACE} port-forward service/{MODEL} 8080:80   # http://localhost:8080/docs
  make demo-down                                    # remove it all"""
    )


def bring_up(*, installed: bool) -> Cluster:
    """The cluster with everything on it."""
    if not installed:
        devcluster("up", show=True)
        devcluster("images", show=True)
    cluster = find_cluster()
    if not installed:
        install(cluster)
    return cluster


def main() -> int:
    """Tell the story."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--installed", action="store_true", help="the cluster, images and charts are there already"
    )
    options = parser.parse_args()
    demo = Demo(bring_up(installed=options.installed))
    demo.forget_earlier()
    train(demo, 1)
    deploy(demo)
    train(demo, 2)
    roll_out(demo)
    for kind in BAD_VERSIONS:
        roll_back(demo, kind)
    summary(demo)
    return 0


if __name__ == "__main__":
    sys.exit(main())
