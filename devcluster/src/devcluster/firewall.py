"""Takes an engine's rules out of the packet filter again, and nobody else's.

Pure text in, text out: `engine` calls `iptables-save` and `iptables-restore`.
"""

from __future__ import annotations

import re

__all__ = ["forward_policy", "without_engine"]

ENGINE_CHAIN = re.compile(r"^:DOCKER[A-Z0-9-]* ")
ENGINE_RULE = re.compile(
    r"(^-A DOCKER)|( -[jg] DOCKER)|( -[io] (docker0|br-[0-9a-f]{12})\b)"
    # A published port, as its own container sees it.
    r"|(^-A POSTROUTING -s (?P<own>\S+)/32 -d (?P=own)/32 .*-j MASQUERADE)"
)


def forward_policy(saved: str) -> str:
    """Return the policy of the FORWARD chain in an `iptables-save` listing; ACCEPT unless set."""
    found = re.search(r"^:FORWARD (ACCEPT|DROP)", saved, re.MULTILINE)
    return found[1] if found else "ACCEPT"


def without_engine(saved: str, *, policy: str) -> str:
    """Return an `iptables-save` listing without Docker's chains and rules.

    `policy` is what the FORWARD chain had before the engine started.
    """
    kept = [
        re.sub(r"^:FORWARD (ACCEPT|DROP)", f":FORWARD {policy}", line)
        for line in saved.splitlines()
        if not (ENGINE_CHAIN.match(line) or ENGINE_RULE.search(line))
    ]
    return "\n".join(kept) + "\n"
