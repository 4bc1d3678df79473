"""Puts objects into the cluster from inside a pod, by server-side apply: `FOLDER…` of YAML files.

Helm can't: it asks for a kind's definition before it applies the first object of the kind.
"""

from __future__ import annotations

import re
import ssl
import sys
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
API = "https://kubernetes.default.svc"
PATIENCE_SECONDS = 60
PLURALS = {
    "CustomResourceDefinition": "customresourcedefinitions",
    "GatewayClass": "gatewayclasses",
    "Gateway": "gateways",
}


def main() -> None:
    """Apply every object of the folders, in the order of their files."""
    for folder in sys.argv[1:]:
        for file in sorted(Path(folder).glob("*.yaml")):
            for document in re.split(r"^---\s*$", file.read_text(), flags=re.MULTILINE):
                if re.search(r"^kind:", document, re.MULTILINE):
                    apply(document)


def apply(document: str) -> None:
    """Apply one object, again while its kind is not known yet."""
    version, kind = field(document, "", "apiVersion"), field(document, "", "kind")
    name, namespace = field(document, "  ", "name"), field(document, "  ", "namespace")
    scope = f"/namespaces/{namespace}" if namespace else ""
    path = f"/apis/{version}{scope}/{PLURALS[kind]}/{name}"
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            send(path, document)
        except urllib.error.HTTPError as error:
            if error.code < HTTPStatus.NOT_FOUND or time.monotonic() > end:
                sys.exit(f"{kind} {name}: {error.code} {error.read().decode()}")
            time.sleep(1)
        else:
            print(f"{kind} {name} is applied")
            return


def field(document: str, indent: str, name: str) -> str:
    """A field of an object, or of its metadata where it is indented; empty when it is not there."""
    found = re.search(rf'^{indent}{name}: "?([^"\s]+)"?\s*$', document, re.MULTILINE)
    return found[1] if found else ""


def send(path: str, document: str) -> None:
    """Server-side apply."""
    request = urllib.request.Request(  # noqa: S310 - the API server's address
        f"{API}{path}?fieldManager=leadsman-stack&force=true",
        data=document.encode(),
        method="PATCH",
        headers={
            "Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}",
            "Content-Type": "application/apply-patch+yaml",
        },
    )
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    urllib.request.urlopen(request, context=context, timeout=30).close()  # noqa: S310 - likewise


if __name__ == "__main__":
    main()
