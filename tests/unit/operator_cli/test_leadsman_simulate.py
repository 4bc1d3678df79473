"""`leadsman simulate`: rollouts on traffic to come, without a cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from leadsman_api.labels import API_VERSION
from support.world_labels import QUALITY
from support.world_user import User

HEAVY = {"aiohttp", "httpx", "kopf", "kubernetes", "matplotlib", "mlflow", "optuna"}
QUICK = ("--rollouts", "50")
WORSE = ("--rate", "200", "--stable-errors", "0.015", "--candidate-errors", "0.05")
FILE: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": "ModelDeployment",
    "metadata": {"name": "churn"},
    "spec": {
        "model": {"name": "churn", "version": 3},
        "scaling": {"minReplicas": 2, "targets": {"requestsPerSecond": 50}},
        "rollout": {"steps": [20], "minimumStepTime": "30s", "bake": "2m"},
        "health": {
            "falseRollbackRate": 0.05,
            "conditions": [
                {"name": "errors", "type": "ErrorRate", "max": 0.03},
                {"name": "own", "type": "PromQL", "query": "up", "min": 1},
            ],
        },
    },
}


def simulated(*arguments: str, stdin: str = "") -> dict[str, Any]:
    """The figures."""
    result = User()("simulate", *QUICK, "-o", "json", *arguments, stdin=stdin)
    assert result.code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(
    ("rule", "seconds"), [("leadsman", 45), ("argo", 1800), ("flagger", 660), ("relative", 360)]
)
def test_one_rule_in_figures(rule: str, seconds: float) -> None:
    """From options alone; the same seed gives the same figures."""
    found = simulated(*WORSE, "--rule", rule)
    assert found["rule"] == rule
    assert found["median_seconds_to_rollback"] == seconds
    assert found["rollback_probability"] > 0.4
    assert found["mean_bad_answers"] > 5
    assert found["elapsed_seconds"] >= 0
    assert {**simulated(*WORSE, "--rule", rule), "elapsed_seconds": 0} == {
        **found, "elapsed_seconds": 0
    }  # fmt: skip


def test_all_rules_side_by_side() -> None:
    """As a list for programs, as lines for people."""
    found = simulated(*WORSE, "--rule", "all")
    assert [one["rule"] for one in found["rules"]] == ["leadsman", "argo", "flagger", "relative"]
    shown = User()("simulate", *QUICK, *WORSE, "--rule", "all").stdout.splitlines()
    assert shown[0].startswith("forecast  200 requests per second; errors 1.50% stable, 5.00%")
    assert shown[1].startswith("plan      10 %, 30 %, 60 %; deadline 30m, bake 15m; at most 1.00%")
    assert shown[4].split() == [
        "RULE", "ROLLED", "BACK", "AFTER", "PROMOTED", "AFTER", "UNDECIDED", "BAD", "ANSWERS",
        "IN", "AN", "HOUR",
    ]  # fmt: skip
    assert [line.split()[0] for line in shown[5:9]] == ["leadsman", "argo", "flagger", "relative"]
    assert "100.00%" in shown[5]
    assert " 45s " in shown[5]


def test_a_file_gives_plan_and_rate() -> None:
    """Its conditions, steps and times; what options say counts more."""
    found = simulated("-f", "-", stdin=yaml.safe_dump(FILE))
    assert found["forecast"]["rate"] == 100
    assert found["median_seconds_to_promotion"] == 30 + 120
    assert found["conditions_left_out"] == ["own"]
    assert "the promise is at most 5.00%" in found["advice"][0]
    changed = simulated("-f", "-", "--bake", "4m", "--rate", "200", stdin=yaml.safe_dump(FILE))
    assert changed["median_seconds_to_promotion"] == 30 + 240


def filed(**spec: Any) -> str:
    """The file with parts of its spec replaced."""
    return yaml.safe_dump({**FILE, "spec": {**FILE["spec"], **spec}})


SCALING = {
    "field": "spec.scaling.maxReplicas",
    "supposed": "the stable revision has minReplicas (2) pods all the time",
}
SWAP = {
    "strategy": "Swap", "swap": {"downtimeBudget": "2m"}, "minimumStepTime": "30s", "bake": "2m",
}  # fmt: skip


def test_pods_split_the_traffic_where_no_gateway_does() -> None:
    """20 percent beside two pods are one of three."""
    assert simulated("-f", "-", stdin=filed())["shares"] == [pytest.approx(1 / 3), 1]
    shown = User()("simulate", *QUICK, "-f", "-", stdin=filed()).stdout
    assert "plan      20 % (33 % by pods); deadline" in shown
    gateway = {"provider": "GatewayAPI", "routeRef": {"name": "shop"}}
    assert simulated("-f", "-", stdin=filed(traffic=gateway))["shares"] == [0.2, 1]


def test_what_is_not_simulated_is_said() -> None:
    """With what is supposed in its place, for people and for programs."""
    rollout = {**FILE["spec"]["rollout"], "paused": True, "approval": {"required": True}}
    found = simulated("-f", "-", stdin=filed(rollout=rollout))
    assert [one["field"] for one in found["not_simulated"]] == [
        "spec.rollout.approval", "spec.rollout.paused", "spec.scaling.maxReplicas",
        "spec.health.conditions[own]",
    ]  # fmt: skip
    shown = User()("simulate", *QUICK, "-f", "-", stdin=filed(rollout=rollout)).stdout
    assert "not simulated: spec.rollout.approval: every approval is there at once" in shown
    assert [one["field"] for one in simulated("--rate", "5")["not_simulated"]] == [
        "spec.health.conditions[latency]"
    ]


def test_labels_are_not_simulated() -> None:
    """Their condition has its part of the promise all the same."""
    conditions = [FILE["spec"]["health"]["conditions"][0], QUALITY]
    found = simulated("-f", "-", stdin=filed(health={"conditions": conditions}))
    assert {one["field"]: one["supposed"] for one in found["not_simulated"]} == {
        SCALING["field"]: SCALING["supposed"],
        "spec.health.conditions[quality]": "no answer is labelled",
    }


def test_a_bad_candidate_stays_where_rollbacks_are_off() -> None:
    """It is neither rolled back nor promoted: a person decides."""
    stays = filed(rollback={"enabled": False})
    found = simulated("-f", "-", "--candidate-errors", "0.3", stdin=stays)
    assert found["undecided_probability"] == 1


def test_the_file_says_how_often_is_looked() -> None:
    """An option says more."""
    prometheus = {"url": "http://prometheus:9090", "scrapeInterval": "30s"}
    file = filed(health={"prometheus": prometheus})
    assert simulated("-f", "-", stdin=file)["forecast"]["scrape_interval"] == 30
    other = simulated("-f", "-", "--scrape-interval", "20s", stdin=file)
    assert other["forecast"]["scrape_interval"] == 20


def test_the_judge_of_the_file_decides() -> None:
    """Also by the rules of others, and as an option sets it."""
    judge = {"rule": "Flagger", "interval": "30s", "failures": 2}
    file = filed(health={"judge": judge, "conditions": FILE["spec"]["health"]["conditions"][:1]})
    worse = ("-f", "-", "--candidate-errors", "0.3")
    found = simulated(*worse, stdin=file)
    assert found["median_seconds_to_rollback"] == 90
    assert found["not_simulated"] == [SCALING]
    assert simulated(*worse, "--set", "judge.failures=3", stdin=file)[
        "median_seconds_to_rollback"
    ] == 120  # fmt: skip
    healthy = simulated("-f", "-", stdin=file)
    assert "the rule Flagger promises nothing" in healthy["advice"][0]


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        (("argo.failureLimit=1", "argo.interval=1m", "argo.initialDelay=1m"), 120),
        (("flagger.threshold=2", "flagger.interval=30s"), 90),
        (("relative.threshold=1", "relative.ratio=1.2"), 120),
    ],
    ids=["argo", "flagger", "relative"],
)
def test_rules_have_other_settings_too(settings: tuple[str, ...], seconds: float) -> None:
    """By the names that they have there."""
    rule = settings[0].partition(".")[0]
    chosen = [part for one in settings for part in ("--set", one)]
    found = simulated("--rate", "200", "--candidate-errors", "0.3", "--rule", rule, *chosen)
    assert found["median_seconds_to_rollback"] == seconds


def test_a_swap_has_a_yardstick_and_an_interruption() -> None:
    """Nothing serves until a pod is ready: at most half of the budget, or what an option says."""
    longest = simulated("-f", "-", stdin=filed(rollout=SWAP))
    assert longest["median_seconds_to_promotion"] == 30 + 60 + 120
    assert longest["mean_unserved_seconds"] == 60
    shorter = User()("simulate", *QUICK, "-f", "-", "--downtime", "15s", stdin=filed(rollout=SWAP))
    assert "plan      Swap: all at once; deadline" in shorter.stdout
    assert "nothing serves for 15s of a rollout: about 1,500 requests" in shorter.stdout
    worse = simulated("-f", "-", "--candidate-errors", "0.3", stdin=filed(rollout=SWAP))
    assert worse["mean_unserved_seconds"] == 120


def test_a_bake_that_finds_nothing_is_told_what_it_needs() -> None:
    """Where no step comes before it, none is advised."""
    rollout = {"strategy": "BlueGreen", "bake": "1m", "deadline": "5m"}
    found = simulated(
        "-f", "-", "--rate", "1", "--candidate-errors", "0.06", stdin=filed(rollout=rollout)
    )
    assert "at 100 %: let rollout.bake or rollout.deadline last longer" in found["advice"][0]


def test_answers_that_take_longer() -> None:
    """Times are simulated when they are forecast."""
    times = ("--stable-p50", "20ms", "--stable-p99", "200ms")
    slow = simulated("--rate", "100", *times, "--slowdown", "4")
    assert slow["rollback_probability"] == 1
    assert slow["forecast"]["latencies"] == {"p50": 0.02, "p99": 0.2, "slowdown": 4.0}
    assert simulated("--rate", "100", *times)["rollback_probability"] == 0


def test_what_is_seen_can_be_forecast_too() -> None:
    """Bursts, holes and outages."""
    found = simulated(
        "--rate", "20", "--cv", "0.5", "--persistence", "2m", "--daily", "0.4", "--missing", "0.1",
        "--outage", "5m+10m", "--restarts", "2", "--history", "1h", "--scrape-interval", "30s",
        "--history-interval", "5m", "--worsens-after", "1m",
    )  # fmt: skip
    forecast = found["forecast"]
    assert forecast["outages"] == [{"begins": 300, "lasts": 600}]
    assert (forecast["persistence"], forecast["scrape_interval"]) == (120, 30)
    assert (forecast["history"], forecast["history_interval"]) == (3600, 300)
    assert found["promotion_probability"] > 0.9


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--rate", "20", "--stable-errors", "0.002", "--candidate-errors", "0.2"),
            "A 100x regression is found after",
        ),
        (("--rate", "200"), "A healthy candidate is rolled back in 0.00% of the rollouts"),
        (("--rate", "1"), "there is too little traffic to show its health sooner"),
        (WORSE, "A 3.3x regression is found after 45s: nothing has to change."),
        (("--rate", "5", "--candidate-errors", "0.012"), "1.5x is tolerated"),
        (("--rate", "4", "--candidate-errors", "0.03"), "%: start at 20 % and give that step"),
        (("--rate", "0.01", "--candidate-errors", "0.05"), "can't be told from chance in 2h"),
    ],
)
def test_advice(arguments: tuple[str, ...], sentence: str) -> None:
    """What the figures mean for the plan."""
    assert sentence in " ".join(simulated(*arguments)["advice"])


def test_a_curve_over_traffic(tmp_path: Path) -> None:
    """In figures, as a table, and as a picture."""
    found = simulated(*WORSE, "--curve", "--rule", "flagger")
    assert [point["rate"] for point in found["curve"]][:3] == [1, 2, 5]
    shown = User()("simulate", *QUICK, *WORSE, "--curve", "--rule", "flagger").stdout
    assert "\n2000/s " in shown
    for name, begins in (("curve.svg", b"<?xml"), ("curve.png", b"\x89PNG")):
        drawn = User()(
            "simulate", *QUICK, *WORSE, "--rule", "flagger", "--plot", str(tmp_path / name)
        )
        assert drawn.code == 0
        assert (tmp_path / name).read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "--rate: write how many requests come per second"),
        (("--rate", "0"), "argument --rate: 0: write a number above 0"),
        (("--rate", "many"), "argument --rate: 'many': write a number above 0"),
        (("--rate", "1", "--stable-errors", "2"), "--stable-errors: 2: write a share from 0 to 1"),
        (("--rate", "1", "--steps", "a"), "--steps: 'a': write percents that rise"),
        (("--rate", "1", "--steps", "30,10"), "--steps (spec.rollout.steps): steps must rise"),
        (("--rate", "1", "--deadline", "1m"), "--deadline (spec.rollout.deadline): deadline (1m)"),
        (("--rate", "1", "--bake", "soon"), "--bake: 'soon': write a time such as"),
        (("--rate", "1", "--scrape-interval", "1h"), "--scrape-interval: 1h: write a time from"),
        (("--rate", "1", "--outage", "5m"), "--outage: '5m': write when and for how long"),
        (("--rate", "1", "--rollouts", "0"), "--rollouts: 0: write a whole number from 1"),
        (("--rate", "1", "--rollouts", "x"), "--rollouts: 'x': write a whole number from 1"),
        (("--rate", "1", "--plot", "x.pdf"), "--plot: 'x.pdf': write a file that ends with"),
        (("--rate", "1", "--slowdown", "2"), "--slowdown: write --stable-p50 and --stable-p99"),
        (("--rate", "1", "--stable-p50", "2s"), "--stable-p99: write it too"),
        (
            ("--rate", "1", "--stable-p50", "2s", "--stable-p99", "1s"),
            "--stable-p99: write a time above --stable-p50",
        ),
        (
            ("--rate", "1", "--set", "istio.x=1"),
            "write a setting of judge, argo, flagger, relative",
        ),
        (("--rate", "1", "--set", "argo.x=1"), "argo.x: argo has weights, pause, initialDelay"),
        (("--rate", "1", "--set", "argo.interval=0s"), "0s: write a time of at least 1s"),
        (("--rate", "1", "--set", "judge.count=3"), "spec.health.judge.count: count belongs to"),
        (("--rate", "1", "--downtime", "9s"), "--downtime: only a Swap has one"),
        (("-f", "not-there.yaml"), "--filename: not-there.yaml: No such file or directory"),
        (("-f", "-"), "--filename: - has 0 ModelDeployments"),
    ],
)
def test_what_makes_no_sense_is_named(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its flag, with what to write instead, as a wrong command line."""
    result = User()("simulate", *QUICK, *arguments)
    assert result.code == 2
    assert sentence in result.stderr + capsys.readouterr().err


def test_a_file_whose_conditions_say_nothing_is_refused() -> None:
    """A promise that was not tried must not look kept."""
    spec = {**FILE["spec"], "health": {"conditions": FILE["spec"]["health"]["conditions"][1:]}}
    result = User()("simulate", "-f", "-", stdin=yaml.safe_dump({**FILE, "spec": spec}))
    assert result.code == 1
    assert "none of its conditions is simulated" in result.stderr


def test_a_shadow_is_not_simulated() -> None:
    """Nobody gets a bad answer of it: there is nothing to foretell."""
    traffic = {"provider": "GatewayAPI", "routeRef": {"name": "shop"}}
    spec = {**FILE["spec"], "rollout": {"strategy": "Shadow"}, "traffic": traffic}
    result = User()("simulate", "-f", "-", stdin=yaml.safe_dump({**FILE, "spec": spec}))
    assert result.code == 1
    assert "a Shadow is not simulated" in result.stderr


def test_a_picture_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    """With the reason."""
    result = User()("simulate", *QUICK, *WORSE, "--plot", str(tmp_path / "gone" / "x.svg"))
    assert result.code == 1
    assert "No such file or directory" in result.stderr


def test_it_starts_without_the_clients() -> None:
    """Neither those of a cluster nor the one of the registry are loaded."""
    code = (
        "import sys; sys.argv = ['leadsman', 'simulate', '--rate', '5', '--rollouts', '2']\n"
        "from leadsman_operator.cli.entry import main\n"
        "code = main(); print(code, *sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ended, *modules = done.stderr.split()
    assert ended == "0"
    assert {name.partition(".")[0] for name in modules} & HEAVY == set()
