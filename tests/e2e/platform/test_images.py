"""The project's images as pods: non-root, on a read-only root, nothing superfluous inside."""

from __future__ import annotations

import pytest

from support import workloads
from support.kubectl import Kubectl

COMMANDS = {
    "leadsman/operator:dev": ["leadsman-operator", "version"],
    "leadsman/serving:dev": ["leadsman-serving", "--help"],
    "leadsman/training:dev": ["leadsman-training", "--help"],
}
LOOK_INSIDE = """
import importlib.util, os, pathlib
print("user", os.getuid())
print("extra", [m for m in ("pip", "pytest", "setuptools", "uv") if importlib.util.find_spec(m)])
try:
    pathlib.Path("/written").touch()
    print("root writable")
except OSError as error:
    print("root", error.strerror)
package = pathlib.Path(importlib.util.find_spec("leadsman_api").origin).parent
print("compiled", any(package.glob("__pycache__/*.pyc")))
"""


@pytest.mark.parametrize(("image", "command"), COMMANDS.items(), ids=COMMANDS)
def test_the_program_of_an_image_runs_confined(
    kubectl: Kubectl, namespace: str, image: str, command: list[str]
) -> None:
    """Each image runs its program under the restricted Pod Security Standard."""
    pod = workloads.pod("once", command, restartPolicy="Never")
    pod["spec"]["containers"][0]["image"] = image
    kubectl.apply(pod, namespace=namespace)
    kubectl(
        "-n", namespace, "wait", "pod/once", "--for=jsonpath={.status.phase}=Succeeded",
        "--timeout=90s", timeout=100,
    )  # fmt: skip

    assert kubectl("-n", namespace, "logs", "once").strip()


@pytest.mark.parametrize("image", COMMANDS)
def test_an_image_holds_nothing_to_install_with(
    kubectl: Kubectl, namespace: str, image: str
) -> None:
    """No pip, uv, setuptools or pytest; not root; nothing to write to; bytecode is there."""
    pod = workloads.pod("look", ["python", "-c", LOOK_INSIDE], restartPolicy="Never")
    pod["spec"]["containers"][0]["image"] = image
    kubectl.apply(pod, namespace=namespace)
    kubectl(
        "-n", namespace, "wait", "pod/look", "--for=jsonpath={.status.phase}=Succeeded",
        "--timeout=90s", timeout=100,
    )  # fmt: skip
    printed = kubectl("-n", namespace, "logs", "look").splitlines()

    assert printed == [
        "user 65532", "extra []", "root Read-only file system", "compiled True"
    ]  # fmt: skip
