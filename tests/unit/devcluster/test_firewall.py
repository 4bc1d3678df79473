"""An engine's rules leave the packet filter with it; everybody else's stay."""

from __future__ import annotations

from devcluster.firewall import forward_policy, without_engine

BEFORE = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
-A INPUT -p tcp --dport 22 -j ACCEPT
-A FORWARD -i wg0 -j ACCEPT
COMMIT
"""
WITH_ENGINE = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-USER - [0:0]
-A INPUT -p tcp --dport 22 -j ACCEPT
-A FORWARD -j DOCKER-USER
-A FORWARD -o br-0123456789ab -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i wg0 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
"""
NAT = """\
*nat
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.18.0.0/16 ! -o br-0123456789ab -j MASQUERADE
-A POSTROUTING -s 172.18.0.2/32 -d 172.18.0.2/32 -p tcp -m tcp --dport 6443 -j MASQUERADE
-A POSTROUTING -s 10.8.0.0/24 -o eth0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
COMMIT
"""


def test_the_rules_are_again_what_they_were() -> None:
    """Chains and rules of the engine go, a user's stay, FORWARD has its old policy again."""
    assert without_engine(WITH_ENGINE, policy="ACCEPT") == BEFORE


def test_only_the_engines_address_translation_goes() -> None:
    """Masquerading for the engine's networks and published ports goes, a VPN's stays."""
    kept = without_engine(NAT, policy="ACCEPT")

    assert [line for line in kept.splitlines() if line.startswith("-A")] == [
        "-A POSTROUTING -s 10.8.0.0/24 -o eth0 -j MASQUERADE"
    ]


def test_taking_out_twice_changes_nothing_more() -> None:
    """What is clean stays as it is, a strict policy included."""
    strict = BEFORE.replace("FORWARD ACCEPT", "FORWARD DROP")

    assert without_engine(strict, policy=forward_policy(strict)) == strict


def test_a_machine_without_rules_accepts() -> None:
    """No listing means that nothing was set: the kernel's default."""
    assert forward_policy("") == "ACCEPT"
    assert forward_policy(WITH_ENGINE) == "DROP"
