"""BGP4-MIB and OSPF-MIB from FRR's answers, and the daemons' sockets (tests/guest/test_routing.py has real daemons)."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from snmp.agentx import encode_varbind
from snmp.bgp_table import BGP, PEER, bgp_rows
from snmp.frr import ask
from snmp.ospf_tables import AREA, GENERAL, INTERFACE, NEIGHBOR, general_rows, interface_rows, neighbor_rows
from snmp.smi import Oid, Row, Value
from system import vty

MAIN = {"routerId": "192.168.0.1", "as": 4_200_000_001, "peers": {}}
IDLE = {"remoteAs": 65002, "localAs": 4_200_000_001, "bgpState": "Idle", "adminShutDown": True, "remoteRouterId": "0.0.0.0",
        "bgpVersion": 4, "bgpTimerConfiguredHoldTimeMsecs": 90000, "bgpTimerHoldTimeMsecs": 90000, "lastResetTimerMsecs": 44000,
        "lastErrorCodeSubcode": "0602", "connectionsEstablished": 3, "messageStats": {"totalRecv": 5_000_000_000}}  # fmt: skip
NEIGHBORS = {"10.0.0.2": IDLE, "2001:db8::2": IDLE, "fxp0": IDLE}
AREAS = {
    "0.0.0.0": {"lsaNumber": 2, "lsaRouterChecksum": 0xFFFFFFFF, "lsaNetworkChecksum": 3},
    "0.0.0.7": {"stubNoSummary": True},
}
PORTS = {
    "ge-0-0-0": {"ospfEnabled": True, "ipAddress": "10.0.0.1", "area": "0.0.0.7 [Stub]", "networkType": "BROADCAST",
                 "state": "DR", "drAddress": "10.0.0.1", "bdrAddress": "10.0.0.2", "timerMsecs": 333, "cost": 10},
    "ge-0-0-1": {"ospfEnabled": False, "ifUp": True},
}  # fmt: skip


def cells(rows: Iterator[Row]) -> dict[Oid, Value]:
    """Every value must be one that its type holds."""
    found = {}
    for name, kind, value in rows:
        encode_varbind(name, kind, value)
        assert name not in found
        found[name] = value
    return found


def test_a_neighbour_that_is_shut_down() -> None:
    found = cells(bgp_rows(MAIN, NEIGHBORS))
    assert (found[*BGP, 1, 0], found[*BGP, 2, 0], found[*BGP, 4, 0]) == (b"\x10", 23456, bytes([192, 168, 0, 1]))
    peer = {name[len(PEER)]: value for name, value in found.items() if name[: len(PEER)] == PEER}
    assert (peer[1], peer[2], peer[3], peer[4], peer[14], peer[15]) == (bytes(4), 1, 1, 0, b"\6\2", 3)
    assert (peer[12], peer[16], peer[18], peer[20]) == (5_000_000_000 & 0xFFFFFFFF, 44, 0, 90)
    assert {name[len(PEER) + 1 :] for name in found if name[: len(PEER)] == PEER} == {(10, 0, 0, 2)}, "IPv4 alone has a row"


def test_areas_and_a_designated_router() -> None:
    told = {"routerId": "192.168.0.1", "areas": AREAS, "lsaExternalChecksum": 0x80000000}
    found = cells(general_rows(told)) | cells(interface_rows(PORTS))
    assert (found[*GENERAL, 4, 0], found[*GENERAL, 5, 0], found[*GENERAL, 7, 0]) == (1, 2, -0x80000000)
    assert (found[*AREA, 3, 0, 0, 0, 0], found[*AREA, 8, 0, 0, 0, 0]) == (1, 2)
    assert (found[*AREA, 3, 0, 0, 0, 7], found[*AREA, 9, 0, 0, 0, 7]) == (2, 1)
    port = {name[len(INTERFACE)]: value for name, value in found.items() if name[: len(INTERFACE)] == INTERFACE}
    assert (port[3], port[4], port[9], port[12]) == (bytes([0, 0, 0, 7]), 1, 1, 5)
    assert (port[13], port[14]) == (bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))


@pytest.mark.parametrize(("said", "state"), [("Full/DR", 8), ("2-Way/DROther", 4), ("Something/-", 1)])
def test_a_neighbours_state(said: str, state: int) -> None:
    found = cells(neighbor_rows({"192.168.0.2": [{"ifaceAddress": "10.0.0.2", "nbrState": said}]}))
    assert found[*NEIGHBOR, 6, 10, 0, 0, 2, 0] == state


def test_fields_that_are_missing_are_no_fault() -> None:
    assert cells(bgp_rows({"routerId": "1.1.1.1"}, {"10.0.0.2": {}}))
    assert cells(general_rows({"routerId": "1.1.1.1", "areas": {"0.0.0.0": {}}}))
    assert cells(interface_rows({"lo": {"ospfEnabled": True, "ipAddress": "10.0.0.1"}}))


# ---- the socket

Daemon = Callable[[bytes, socket.socket], None]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Daemon], str]]:
    """Starts a daemon that deals with one question; gives its folder."""
    listener = socket.socket(socket.AF_UNIX)
    threads = []

    def start(answer: Daemon) -> str:
        listener.bind(str(tmp_path / "bgpd.vty"))
        listener.listen()

        def run() -> None:
            line, _ = listener.accept()
            with line:
                answer(line.recv(4096), line)

        threads.append(threading.Thread(target=run))
        threads[0].start()
        return str(tmp_path)

    yield start
    for thread in threads:
        thread.join(60)
    listener.close()


def test_an_answer_may_come_in_pieces(serve: Callable[[Daemon], str]) -> None:
    asked = []

    def answer(question: bytes, line: socket.socket) -> None:
        asked.append(question)
        text = json.dumps({"a": "x" * 100_000}).encode()
        for part in (text[:7], text[7:], b"\0\0", b"\0\0"):
            line.sendall(part)

    assert ask("bgpd", "show it json", serve(answer)) == {"a": "x" * 100_000}
    assert asked == [b"show it json\0"]


@pytest.mark.parametrize("said", [b'{"a": 1}\0\0\0\2', b"% unknown\0\0\0\0", b"[1]\0\0\0\0", b'{"a": 1}', b""])
def test_what_is_no_answer_is_none(serve: Callable[[Daemon], str], said: bytes) -> None:
    """Refused, no JSON, no object, cut off."""
    assert ask("bgpd", "show it json", serve(lambda _, line: line.sendall(said))) == {}


def test_a_daemon_that_does_not_run_or_hangs(
    serve: Callable[[Daemon], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask("ospfd", "show it json", str(tmp_path)) == {}
    monkeypatch.setattr(vty, "DEADLINE", 0.2)

    def silent(_: bytes, line: socket.socket) -> None:
        """Until the asker has given up."""
        line.settimeout(10)
        assert line.recv(1) == b""

    assert ask("bgpd", "show it json", serve(silent)) == {}
