"""The Open Inference Protocol as others' clients speak it, with a real server process."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from leadsman_serving.rpc.messages import CLASSES, HEALTH_CLASSES, INFERENCE_MESSAGES
from support.client_environment import python_with
from support.repository import ROOT
from support.serving_models import settings_of
from support.serving_process import ServingProcess
from support.waiting import eventually

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
INFER = "/inference.GRPCInferenceService/ModelInfer"
ROW = [0.5, 1.0, -1.0]
DEADLINE_SECONDS = 60
CLIENTS = ("kserve==0.21.0", "pandas==2.3.3", "tritonclient[grpc,http]==2.73.0")


def run_clients(*arguments: str) -> Any:
    """What the program of the clients prints, as JSON."""
    program = ROOT / "tests" / "support" / "inference_clients.py"
    done = subprocess.run(
        [str(python_with(*CLIENTS)), str(program), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * DEADLINE_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def process_of(model: Path, **variables: str) -> ServingProcess:
    """A server of this model, as a pod has it."""
    settings = settings_of(model)
    return ServingProcess(
        LEADSMAN_MODEL_DIR=settings.model_dir,
        LEADSMAN_MODEL_NAME="churn",
        LEADSMAN_MODEL_VERSION="7",
        LEADSMAN_TERMINATION_PATH=settings.termination_path,
        LEADSMAN_DRAIN_SECONDS="0",
        **variables,
    )


@pytest.fixture(scope="module")
def served(models: Path) -> Iterator[tuple[ServingProcess, int]]:
    """A server with its port of gRPC."""
    with process_of(models / "skops") as process:
        yield process, process.wait_for_line("Answering calls of gRPC")["port_grpc"]


def ask(port: int, message: Any, *metadata: tuple[str, str]) -> Any:
    """One call of ModelInfer; raises grpc.RpcError."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(
            INFER,
            lambda sent: sent if isinstance(sent, bytes) else sent.SerializeToString(),
            CLASSES["ModelInferResponse"].FromString,
        )
        answer, told = call.with_call(message, timeout=DEADLINE_SECONDS, metadata=metadata)
        return answer, dict(told.trailing_metadata())


def request(rows: list[list[float]], **more: Any) -> Any:
    """Rows in one typed tensor."""
    message = CLASSES["ModelInferRequest"](model_name="churn", **more)
    tensor = message.inputs.add(name="rows", datatype="FP64", shape=[len(rows), len(rows[0])])
    tensor.contents.fp64_contents.extend(value for row in rows for value in row)
    return message


def test_clients_of_triton_and_kserve(served: tuple[ServingProcess, int]) -> None:
    """All of them get the same answers, over HTTP and gRPC, typed and binary."""
    process, port = served
    ours = process.post("/predict", f'{{"rows": [{ROW}, [-5, -5, 0]], "probabilities": true}}')
    labels = [[one] for one in ours.body["predictions"]]

    found = run_clients("triton", str(process.port), str(port))
    kserve = run_clients("kserve", str(process.port), str(port))

    for kind in ("http", "grpc"):
        answer = found[kind]
        assert (answer["live"], answer["ready"], answer["model"]) == (True, True, True)
        assert answer["other"] is False
        assert answer["server"] == "leadsman"
        assert answer["inputs"] == [[name, "FP64"] for name in "abc"]
        expected = {"output-0": labels, "probabilities": ours.body["probabilities"]}
        assert answer["outputs"] == expected
        assert answer["columns"] == labels
        assert "no model 'other' is served here" in answer["refused"]
    assert kserve.pop("ready") == [True] * 6
    assert kserve == {
        f"{kind} {form}": ["42", "churn", [1, 0]]
        for kind in ("rest", "grpc")
        for form in ("typed", "binary")
    }


def test_messages_are_those_of_tritons_client() -> None:
    """Every field has the same name, number and kind as in the code made from the protocol."""
    theirs = run_clients("messages")
    for name in INFERENCE_MESSAGES:
        ours = [
            [one.name, one.number, one.type, one.is_repeated]
            for one in CLASSES[name].DESCRIPTOR.fields
        ]
        assert ours == theirs[name], name


def test_calls_are_counted_and_named(served: tuple[ServingProcess, int]) -> None:
    """As requests of HTTP are: a rollout is judged by both."""
    process, port = served

    def count(status: str) -> float:
        line = f'leadsman_requests_total{{status="{status}"}} '
        text = process.get("/metrics").text
        return float(next(one for one in text.splitlines() if one.startswith(line)).split()[-1])

    fine, wrong = count("2xx"), count("4xx")
    answer, told = ask(port, request([ROW], id="42"), ("x-request-id", "abc"))
    with pytest.raises(grpc.RpcError):
        ask(port, b"\xff")

    assert answer.id == "42"
    assert list(answer.outputs[0].contents.int64_contents) == [1]
    assert told["x-request-id"] == "abc"
    assert told["x-model-version"] == "7"
    # Counted after the answer is given, and told by another thread.
    eventually(
        lambda: (count("2xx"), count("4xx")) == (fine + 1, wrong + 1),
        within_seconds=10,
        what="both counted, once",
    )


REFUSALS = [
    (request([ROW], model_version="8"), "NOT_FOUND", "no version '8'"),
    (request([[1.0, 2.0]]), "INVALID_ARGUMENT", "missing: 'a', 'b', 'c'"),
    (request([[1.0, float("inf"), 2.0]]), "INVALID_ARGUMENT", "column 'b' is no double: inf"),
    (request([ROW], outputs=[{"name": "y"}]), "INVALID_ARGUMENT", "no output 'y'"),
    (request([ROW], raw_input_contents=[b"1"]), "INVALID_ARGUMENT", "beside raw_input"),
    (b"\xff\xff", "INVALID_ARGUMENT", "no ModelInferRequest"),
]


@pytest.mark.parametrize(("message", "code", "words"), REFUSALS)
def test_refusals_are_statuses_with_words(
    served: tuple[ServingProcess, int], message: Any, code: str, words: str
) -> None:
    """The server goes on answering."""
    with pytest.raises(grpc.RpcError) as refused:
        ask(served[1], message)

    error: Any = refused.value
    assert error.code().name == code
    assert words in error.details()
    assert ask(served[1], request([ROW]))[0].outputs


def test_keys_rates_and_sizes_are_those_of_http(models: Path, tmp_path: Path) -> None:
    """No key, too many calls, too many bytes: each has its status."""
    (tmp_path / "one").write_text("secret")
    limits = '{"maxBodyBytes": 1024, "rateLimit": {"requestsPerSecond": 0.01, "burst": 2}}'
    variables = {"LEADSMAN_API_KEYS_DIR": str(tmp_path), "LEADSMAN_LIMITS": limits}
    with process_of(models / "onnx", **variables) as process:
        port = process.wait_for_line("Answering calls of gRPC")["port_grpc"]
        codes = []
        for message, metadata in (
            (request([ROW]), ()),
            (request([ROW]), (("authorization", "Bearer secret"),)),
            (request([ROW] * 60), (("x-api-key", "secret"),)),
            (request([ROW]), (("x-api-key", "secret"),)),
        ):
            try:
                ask(port, message, *metadata)
                codes.append("OK")
            except grpc.RpcError as error:
                known: Any = error
                codes.append(known.code().name)

    assert codes == ["UNAUTHENTICATED", "OK", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"]


def test_a_pod_that_ends_says_so_and_finishes(models: Path) -> None:
    """Health goes off, whoever watches it is told, and the process ends with 0."""
    with process_of(models / "onnx") as process:
        port = process.wait_for_line("Answering calls of gRPC")["port_grpc"]
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            watch = channel.unary_stream(
                "/grpc.health.v1.Health/Watch",
                HEALTH_CLASSES["HealthCheckRequest"].SerializeToString,
                HEALTH_CLASSES["HealthCheckResponse"].FromString,
            )
            seen = watch(HEALTH_CLASSES["HealthCheckRequest"](), timeout=DEADLINE_SECONDS)
            statuses = [next(seen).status]
            process.terminate()
            statuses += [one.status for one in seen]

        assert statuses == [1, 2]
        assert process.wait_for_exit() == 0


def test_grpc_can_be_left_out(models: Path) -> None:
    """Then its library is not loaded."""
    with process_of(models / "onnx", LEADSMAN_GRPC="false") as process:
        process.terminate()
        assert process.wait_for_exit() == 0

    assert not any("gRPC" in line["message"] for line in process.log)
