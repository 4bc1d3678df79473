"""Asks a server as users do: with Triton's clients and KServe's, over HTTP and gRPC.

A program of its own, in an environment of its own: prints what they got as JSON.
Usage: inference_clients.py triton|kserve HTTP_PORT GRPC_PORT, one process each, for both register
the same messages; or `inference_clients.py messages`: the fields of those that Triton's sends.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from typing import Any

import numpy as np

ROWS = np.array([[0.5, 1.0, -1.0], [-5.0, -5.0, 0.0]])
NAMES = ("output-0", "probabilities")


def triton(kind: str, url: str) -> dict[str, Any]:
    """Triton's client of one kind: it sends binary data."""
    module: Any = importlib.import_module(f"tritonclient.{kind}")
    client = module.InferenceServerClient(url)
    tensor = module.InferInput("rows", ROWS.shape, "FP64")
    tensor.set_data_from_numpy(ROWS)
    columns = [module.InferInput(name, (2, 1), "FP64") for name in "cab"]
    for one, place in zip(columns, (2, 0, 1), strict=True):
        one.set_data_from_numpy(ROWS[:, place : place + 1])
    wanted = [module.InferRequestedOutput(name) for name in NAMES]
    whole = client.infer("churn", [tensor], request_id="42", outputs=wanted)
    by_column = client.infer("churn", columns, model_version="7")
    told = {"as_json": True} if kind == "grpc" else {}
    metadata = client.get_model_metadata("churn", **told)
    return {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model": client.is_model_ready("churn", "7"),
        "other": client.is_model_ready("churn", "8") if kind == "http" else False,
        "server": client.get_server_metadata(**told)["name"],
        "inputs": [[one["name"], one["datatype"]] for one in metadata["inputs"]],
        "outputs": {name: whole.as_numpy(name).tolist() for name in NAMES},
        "columns": by_column.as_numpy("output-0").tolist(),
        "refused": refused(module, client, tensor),
    }


def refused(module: Any, client: Any, tensor: Any) -> str:
    """What the client says of a model that is not there."""
    utils: Any = importlib.import_module("tritonclient.utils")
    del module
    try:
        client.infer("other", [tensor])
    except utils.InferenceServerException as error:
        return str(error.message())
    return ""


async def kserve(http: str, grpc: str) -> dict[str, Any]:
    """KServe's clients: typed and binary data."""
    module: Any = importlib.import_module("kserve")
    found: dict[str, Any] = {}
    rest = module.InferenceRESTClient(module.RESTConfig(protocol="v2"))
    calls = module.InferenceGRPCClient(grpc)
    for form, is_binary in (("typed", False), ("binary", True)):
        tensor = module.InferInput("rows", list(ROWS.shape), "FP64")
        tensor.set_data_from_numpy(ROWS, binary_data=is_binary)
        asked = module.InferRequest(
            model_name="churn", infer_inputs=[tensor], request_id="42",
            parameters={"binary_data_output": is_binary},
        )  # fmt: skip
        answers = (await rest.infer(http, asked, model_name="churn"), await calls.infer(asked))
        for name, answer in zip(("rest", "grpc"), answers, strict=True):
            values = answer.outputs[0].as_numpy().ravel().tolist()
            found[f"{name} {form}"] = [answer.id, answer.model_name, values]
    found["ready"] = [
        await rest.is_server_ready(http),
        await rest.is_server_live(http),
        await rest.is_model_ready(http, "churn"),
        await calls.is_server_ready(),
        await calls.is_server_live(),
        await calls.is_model_ready("churn"),
    ]
    await calls.close()
    await rest.close()
    return found


def messages() -> dict[str, list[list[Any]]]:
    """The fields of each message: name, number, kind, whether it is a list."""
    module: Any = importlib.import_module("tritonclient.grpc.service_pb2")
    found: dict[str, list[list[Any]]] = {}

    def add(message: Any, name: str) -> None:
        found[name] = [[one.name, one.number, one.type, one.is_repeated] for one in message.fields]
        for inner in message.nested_types:
            add(inner, f"{name}.{inner.name}")

    for name, message in module.DESCRIPTOR.message_types_by_name.items():
        add(message, name)
    return found


def main(arguments: list[str]) -> object:
    """Ask, or describe."""
    if arguments == ["messages"]:
        return messages()
    whose, http, grpc = arguments[0], *(f"127.0.0.1:{port}" for port in arguments[1:])
    if whose == "kserve":
        return asyncio.run(kserve(f"http://{http}", grpc))
    return {"http": triton("http", http), "grpc": triton("grpc", grpc)}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))  # noqa: T201 - what the test reads
