"""BGP4-MIB (RFC 4273): the main instance and its IPv4 neighbours, from bgpd. Empty while BGP is not configured."""

from __future__ import annotations

from snmp.frr import address, ask, number
from snmp.smi import ADDRESS, COUNTER, GAUGE, INTEGER, MOST32, OCTETS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from snmp.facts import Facts
    from snmp.smi import Row, Value

BGP = (1, 3, 6, 1, 2, 1, 15)
PEER = (*BGP, 3, 1)
VERSION_4 = b"\x10"
"""bgpVersion: bit i stands for version i + 1."""
STATES = {"Idle": 1, "Connect": 2, "Active": 3, "OpenSent": 4, "OpenConfirm": 5, "Established": 6}
STOP, START = 1, 2
"""bgpPeerAdminStatus."""
AS_TRANS, MOST_AS = 23456, 65535
"""What stands for an AS number of more than two octets where only two fit (RFC 6793)."""


def bgp_table(facts: Facts) -> Iterator[Row]:
    """bgpVersion, bgpLocalAs, bgpPeerTable, bgpIdentifier."""
    summary = ask("bgpd", "show bgp summary json")
    main: dict[str, Any] = next((one for one in summary.values() if isinstance(one, dict) and "routerId" in one), {})
    if main:
        yield from bgp_rows(main, ask("bgpd", "show bgp neighbors json"))


def bgp_rows(main: dict[str, Any], peers: dict[str, Any]) -> Iterator[Row]:
    yield (*BGP, 1, 0), OCTETS, VERSION_4
    yield (*BGP, 2, 0), INTEGER, _as(main.get("as"))
    yield (*BGP, 4, 0), ADDRESS, address(main.get("routerId"))
    for name, peer in peers.items():
        remote = address(name)
        if any(remote) and isinstance(peer, dict):
            for column, kind, value in _peer(remote, peer):
                yield (*PEER, column, *remote), kind, value


def _as(given: object) -> int:
    return number(given) if number(given) <= MOST_AS else AS_TRANS


def _peer(remote: bytes, peer: dict[str, Any]) -> Iterator[tuple[int, int, Value]]:
    counted = peer.get("messageStats") or {}
    state = STATES.get(str(peer.get("bgpState")), 1)
    up = state == STATES["Established"]
    since = (peer.get("bgpTimerUpMsec") if up else peer.get("lastResetTimerMsecs")) or 0
    yield 1, ADDRESS, address(peer.get("remoteRouterId"))
    yield 2, INTEGER, state
    yield 3, INTEGER, STOP if peer.get("adminShutDown") else START
    yield 4, INTEGER, number(peer.get("bgpVersion")) if up else 0
    yield 5, ADDRESS, address(peer.get("hostLocal"))
    yield 6, INTEGER, number(peer.get("portLocal"))
    yield 7, ADDRESS, remote
    yield 8, INTEGER, number(peer.get("portForeign"))
    yield 9, INTEGER, _as(peer.get("remoteAs"))
    for column, name in ((10, "updatesRecv"), (11, "updatesSent"), (12, "totalRecv"), (13, "totalSent")):
        yield column, COUNTER, number(counted.get(name)) & MOST32
    yield 14, OCTETS, _last_error(peer)
    yield 15, COUNTER, number(peer.get("connectionsEstablished"))
    yield 16, GAUGE, number(since) // 1000
    yield 17, INTEGER, number(peer.get("connectRetryTimer")) or 120
    yield 18, INTEGER, number(peer.get("bgpTimerHoldTimeMsecs")) // 1000 if up else 0
    yield 19, INTEGER, number(peer.get("bgpTimerKeepAliveIntervalMsecs")) // 1000 if up else 0
    yield 20, INTEGER, number(peer.get("bgpTimerConfiguredHoldTimeMsecs")) // 1000
    yield 21, INTEGER, number(peer.get("bgpTimerConfiguredKeepAliveIntervalMsecs")) // 1000
    yield 22, INTEGER, 15
    yield 23, INTEGER, number(peer.get("minBtwnAdvertisementRunsTimerMsecs")) // 1000 or 1
    yield 24, GAUGE, number(peer.get("bgpInUpdateElapsedTimeMsecs")) // 1000


def _last_error(peer: dict[str, Any]) -> bytes:
    """Code and subcode of the last NOTIFICATION; zeros for none."""
    text = str(peer.get("lastErrorCodeSubcode") or "")
    try:
        return bytes.fromhex(text) if len(text) == 4 else bytes(2)
    except ValueError:
        return bytes(2)
