"""The API server's record of what pods' accounts asked of it: where it lies and how it is read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from devcluster.cluster import Cluster
from devcluster.errors import Refusal
from devcluster.kind_config import AUDIT_LOG

__all__ = ["of_users", "read"]

# Rotated files carry the time of their end in their names, so the newest one, which has none, is
# named last; without any file yet nothing is printed.
PRINT_ALL = f"""
cd {AUDIT_LOG.parent} 2>/dev/null || exit 0
for file in {AUDIT_LOG.stem}-*{AUDIT_LOG.suffix} {AUDIT_LOG.name}; do
  [ ! -e "$file" ] || cat "$file"
done
"""


def read(cluster: Cluster) -> list[str]:
    """Return the lines of the record, oldest first; each is one request as JSON.

    Raises:
        Refusal: There is no such cluster, or it is stopped.
    """
    running = [node for node in cluster.nodes() if node.is_running]
    first = next((node for node in running if node.role == "control-plane"), None)
    if first is None:
        raise Refusal(f"there is no running cluster `{cluster.name}`: run `devcluster up`")
    return cluster.engine("exec", first.name, "sh", "-c", PRINT_ALL).splitlines()


def of_users(lines: Iterable[str], prefix: str) -> Iterator[str]:
    """Keep the lines whose user's name begins so; one that is only half written is left out.

    Worked example: `system:serviceaccount:leadsman:` keeps all accounts of that namespace.
    """
    for line in lines:
        if _user(line).startswith(prefix) and _user(line):
            yield line


def _user(line: str) -> str:
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:  # the server is writing it right now
        return ""
    return str(event.get("user", {}).get("username", ""))
