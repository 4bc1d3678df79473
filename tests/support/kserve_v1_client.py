"""KServe's own client against a server: a program for an environment that has the package.

Usage: kserve_v1_client.py URL MODEL BODY; prints what the client made of the answers as JSON.
"""

import asyncio
import json
import sys
from typing import Any

import httpx
from kserve import InferenceRESTClient, RESTConfig  # type: ignore[import-not-found] # elsewhere


async def main(url: str, model: str, body: str) -> dict[str, Any]:
    """Everything that the client can ask of the first protocol."""
    async with InferenceRESTClient(RESTConfig(protocol="v1", timeout=30)) as client:
        found = {
            "live": await client.is_server_live(url),
            "ready": await client.is_model_ready(url, model),
            "answer": await client.infer(url, json.loads(body), model_name=model),
        }
        for name, data in (("other", body), (model, '{"instances": [["x", 1, 2]]}')):
            try:
                await client.infer(url, json.loads(data), model_name=name)
            except httpx.HTTPStatusError as error:
                found[f"error of {name}"] = str(error).partition(", '")[0]
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(*sys.argv[1:]))))
