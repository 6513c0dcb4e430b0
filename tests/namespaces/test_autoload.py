"""A real snmpd with the guest's own sub-agent, in a network namespace with ports named as the router's, discovered."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mgmt.render.snmp import MODULES
from rackless.autoload.discovery import discover
from rackless.autoload.walking import agent
from rackless.deadline import Deadline
from rackless.model.errors import DeadlineError
from rackless.model.inventory import Inventory
from snmp import smi
from snmp.facts import Facts
from snmp.host_tables import HOST
from snmp.tables import TABLES
from system import ifindex
from system.product import DIALECT, OBJECT_ID

pytestmark = pytest.mark.root

GUEST = Path(__file__).parents[2] / "guest"
COMMUNITY = "Test-Community-77"
PORT = 16100
IF_NAME = ".1.3.6.1.2.1.31.1.1.1.1"
CLONE_NEWNET = 0x40000000


def sh(*words: str) -> str:
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


class Router:
    def __init__(self, tmp: Path) -> None:
        self.ns = f"rl-snmp-{os.getpid()}"
        self.chassis = tmp / "chassisd.json"
        self.conf = tmp / "snmpd.conf"
        self.log = tmp / "snmpd.log"
        self.socket = tmp / "agentx.sock"
        self.daemon: subprocess.Popen[bytes] | None = None
        self.subagent: subprocess.Popen[bytes] | None = None

    def inside(self, *words: str) -> str:
        return sh("ip", "netns", "exec", self.ns, *words)

    def start(self) -> None:
        sh("ip", "netns", "add", self.ns)
        ip = ("ip", "-n", self.ns)
        sh(*ip, "link", "set", "lo", "up")
        sh(*ip, "link", "add", "fxp0", "address", "52:00:00:00:00:01", "type", "veth", "peer", "name", "peer-fxp0")
        for card in (0, 1):
            for port in (0, 1):
                mac = f"52:00:00:00:0{card}:1{port}"
                sh(
                    *ip,
                    "link",
                    "add",
                    f"ge-{card}-0-{port}",
                    "address",
                    mac,
                    "type",
                    "veth",
                    "peer",
                    "name",
                    f"peer-{card}-{port}",
                )
        for name in ("fxp0", "peer-fxp0", "ge-0-0-0", "peer-0-0", "ge-1-0-1"):
            sh(*ip, "link", "set", name, "up")
        sh(*ip, "link", "set", "ge-0-0-0", "mtu", "9178", "alias", "to east: card 0")
        sh(*ip, "addr", "add", "192.0.2.7/24", "dev", "fxp0")
        sh(*ip, "addr", "add", "198.51.100.1/30", "dev", "ge-0-0-0")
        sh(*ip, "addr", "add", "2001:db8::1/64", "dev", "ge-0-0-0", "nodad")
        # Not every kernel that runs tests has VLANs and bonds: what counts is an interface's name, and who its master is.
        sh(*ip, "link", "add", "ge-1-0-1.70", "type", "veth", "peer", "name", "peer-vlan")
        sh(*ip, "addr", "add", "203.0.113.1/24", "dev", "ge-1-0-1.70")
        sh(*ip, "link", "add", "ae0", "type", "bridge")
        sh(*ip, "link", "set", "ge-0-0-1", "master", "ae0")
        sh(*ip, "addr", "add", "192.0.2.129/25", "dev", "ae0")
        sh(*ip, "neigh", "add", "198.51.100.2", "lladdr", "52:00:00:00:09:01", "dev", "ge-0-0-0", "nud", "permanent")
        sh(*ip, "neigh", "add", "2001:db8::2", "lladdr", "52:00:00:00:09:02", "dev", "ge-0-0-0", "nud", "permanent")
        sh(*ip, "neigh", "add", "198.51.100.3", "lladdr", "52:00:00:00:09:03", "dev", "peer-0-0", "nud", "permanent")
        sh(*ip, "route", "add", "default", "via", "198.51.100.2", "metric", "7")
        sh(*ip, "route", "add", "10.1.0.0/16", "nexthop", "via", "198.51.100.2", "nexthop", "via", "192.0.2.9")
        sh(*ip, "route", "add", "blackhole", "10.2.0.0/16")
        sh(*ip, "route", "add", "2001:db8:1::/48", "via", "2001:db8::2")
        self.chassis.write_text(json.dumps({"cards": [{"slot": 0, "ports": [], "since": time.time()}, {"slot": 2, "ports": []}]}))
        part = (GUEST / "snmp/snmpd.conf.part").read_text().replace("/run/agentx.sock", str(self.socket))
        self.conf.write_text(f"rocommunity {COMMUNITY}\nsysname west\nsysObjectID .{'.'.join(map(str, OBJECT_ID))}\n{part}")
        self.conf.chmod(0o600)
        self.start_subagent()
        self.start_snmpd()

    def start_subagent(self) -> None:
        code = "import sys; from snmp.subagent import run; run(sys.argv[1], sys.argv[2], print)"
        words = [sys.executable, "-uc", code, str(self.socket), str(self.chassis)]
        with self.log.with_name("subagent.log").open("ab") as log:
            self.subagent = subprocess.Popen(
                ["ip", "netns", "exec", self.ns, *words], stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(GUEST)}
            )

    def start_snmpd(self) -> None:
        modules = [word for module in MODULES.split() for word in ("-I", module)]
        words = ["-f", "-r", "-m", "", *modules, "-C", "-c", str(self.conf), "-Lf", str(self.log), "-p", ""]
        self.daemon = subprocess.Popen(
            ["ip", "netns", "exec", self.ns, "/usr/sbin/snmpd", *words, f"udp:127.0.0.1:{PORT}"],
            env={**os.environ, "SNMP_PERSISTENT_DIR": str(self.conf.parent / "persist")},
        )
        self.until(lambda: "ge-0/0/0" in self.walk(f"{IF_NAME}"), "the sub-agent's tables never came")

    def until(self, holds: Callable[[], bool], otherwise: str) -> None:
        end = time.monotonic() + 15
        while not holds():
            assert time.monotonic() < end, otherwise
            time.sleep(0.1)

    def stop(self) -> None:
        for process in (self.subagent, self.daemon):
            if process:
                process.terminate()
                process.wait(60)
        subprocess.run(["ip", "netns", "del", self.ns], check=True)

    def within(self, work: Callable[[], object]) -> object:
        """Call `work` in a thread of its own in the namespace, so that its sockets are the namespace's."""
        result: list[object] = []

        def enter() -> None:
            with open(f"/run/netns/{self.ns}") as handle:
                libc = ctypes.CDLL(None, use_errno=True)
                assert libc.setns(handle.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                result.append(work())
            except Exception as error:  # noqa: BLE001 - handed to the caller's thread
                result.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        return result[0]

    def discover(self, community: str = COMMUNITY, seconds: float = 30, **wanted: object) -> object:
        async def ask() -> Inventory:
            return await discover("127.0.0.1", PORT, community, deadline=Deadline(seconds), **wanted)

        return self.within(lambda: asyncio.run(ask()))

    def walk(self, oid: str, *options: str) -> str:
        """What an ordinary client shows; nothing while there is no agent."""
        words = [
            "snmpbulkwalk",
            "-v2c",
            "-m",
            "",
            "-On",
            "-t",
            "5",
            "-r",
            "3",
            *options,
            "-c",
            COMMUNITY,
            f"127.0.0.1:{PORT}",
            oid,
        ]
        done = subprocess.run(["ip", "netns", "exec", self.ns, *words], check=False, capture_output=True, text=True)
        return done.stdout

    def columns(self, roots: list[smi.Oid]) -> list[dict[smi.Oid, object]]:
        """What the project's own walker finds below each root."""

        async def ask() -> list[dict[smi.Oid, object]]:
            async with agent("127.0.0.1", PORT, COMMUNITY) as walker:
                return await walker.columns(roots, deadline=Deadline(30))

        found = self.within(lambda: asyncio.run(ask()))
        assert isinstance(found, list), found
        return found


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    if os.geteuid() != 0:
        pytest.skip("needs root for namespaces")
    if not shutil.which("snmpd"):
        pytest.fail("this test needs snmpd (apt-get install snmpd)")
    made = Router(tmp_path_factory.mktemp("snmp"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_inventory_is_the_router(router: Router) -> None:
    found = router.discover(expected=["ge-0/0/0", "ge-1/0/1"])
    assert isinstance(found, Inventory), found
    assert (found.system_name, found.system_object_id) == ("west", "1.3.6.1.4.1.2636.1.1.1.2.108")
    assert (found.chassis, found.serial) == ("Rackless reference router", "RR520000000001")
    assert [card.slot for card in found.cards] == [0, 1, 2]
    assert [port.name for port in found.ports] == ["fxp0", "ge-0/0/0", "ge-0/0/1", "ge-1/0/0", "ge-1/0/1"]
    first = found.port("ge-0/0/0")
    assert first is not None
    assert (first.mac, first.mtu, first.speed, first.card) == ("52:00:00:00:00:10", 9192, 1_000_000_000, 0)
    assert (first.admin_up, first.oper_up, first.description) == (True, True, "to east: card 0")
    assert [text for text in first.addresses if not text.startswith("fe80")] == ["198.51.100.1/30", "2001:db8::1/64"]
    fxp0 = found.port("fxp0")
    assert fxp0 is not None
    assert fxp0.card is None
    assert "192.0.2.7/24" in fxp0.addresses
    down = found.port("ge-1/0/0")
    lost = found.port("ge-1/0/1")
    assert down is not None
    assert lost is not None
    assert (down.admin_up, down.oper_up) == (False, False)
    assert (lost.admin_up, lost.oper_up) == (True, False)


def test_an_ordinary_client_sees_the_routers_names_alone(router: Router) -> None:
    names = router.walk(".1.3.6.1.2.1.31.1.1.1.1")
    assert '"ge-0/0/0"' in names
    assert '"ge-0/0/0.0"' in names
    assert "peer" not in names
    assert "ge-0-0-0" not in router.walk(".1.3.6.1.2.1.2.2")
    assert ".4.20.1.3.198.51.100.1 = IpAddress: 255.255.255.252" in router.walk(".1.3.6.1.2.1.4.20")
    assert "Counter64" in router.walk(".1.3.6.1.2.1.31.1.1.1.6")
    assert 'STRING: "FPC: Reference card @ 2/*/*"' in router.walk(".1.3.6.1.4.1.2636.3.1")
    assert '"ge-1/0/1"' in router.walk(".1.3.6.1.2.1.47.1")
    whole = router.walk(".1.3.6.1.2.1")
    assert "No more variables" not in whole.splitlines()[0]
    assert "peer" not in "\n".join(
        line for line in whole.splitlines() if line.startswith((".1.3.6.1.2.1.2.", ".1.3.6.1.2.1.31."))
    )


def values(router: Router, oid: str) -> dict[str, str]:
    """Index -> value below an OID."""
    lines = [line.split(" = ", 1) for line in router.walk(oid, "-OQ").splitlines()]
    return {name.removeprefix(oid + "."): value.strip('"') for name, value in lines}


def test_units_with_vlans_and_aggregates_have_rows_as_the_command_line_numbers_them(router: Router) -> None:
    numbers = {name: index for index, name in values(router, IF_NAME).items()}
    tagged, aggregate, member = numbers["ge-1/0/1.70"], numbers["ae0"], numbers["ge-0/0/1"]
    assert {name: int(index) for name, index in numbers.items()} == {
        name: ifindex.logical(name) if "." in name else ifindex.physical(name) for name in numbers
    }
    assert "ge-0/0/1.0" in numbers, "the unit that is in the aggregate"
    kinds, speeds = values(router, ".1.3.6.1.2.1.2.2.1.3"), values(router, ".1.3.6.1.2.1.31.1.1.1.15")
    assert (kinds[aggregate], kinds[tagged], kinds[member], kinds[numbers["lo0"]]) == ("161", "53", "6", "24")
    assert (speeds[aggregate], speeds[tagged]) == ("1000", "1000")
    stack = values(router, ".1.3.6.1.2.1.31.1.2.1.3")
    for pair in (f"{tagged}.{numbers['ge-1/0/1']}", f"{aggregate}.{member}", f"0.{tagged}", f"{member}.0"):
        assert pair in stack
    at = values(router, ".1.3.6.1.2.1.4.34.1.3")
    assert (at["1.4.203.0.113.1"], at["1.4.192.0.2.129"]) == (tagged, numbers["ae0.0"])
    place = [values(router, f".1.3.6.1.4.1.2636.3.3.2.1.{column}") for column in range(1, 6)]
    assert [column[tagged] for column in place] == ["2", "1", "2", "0", "71"]
    assert [column[aggregate] for column in place] == ["0"] * 5
    ether = values(router, ".1.3.6.1.2.1.10.7.2.1.19")
    assert ether[member] == "3"
    assert not {aggregate, tagged, numbers["lo0"]} & ether.keys()


def test_neighbours_prefixes_and_routes_are_at_the_units_number(router: Router) -> None:
    """snmpd's own tables would have Linux's."""
    ip, unit, fxp0 = ".1.3.6.1.2.1.4", str(ifindex.logical("ge-0/0/0.0")), str(ifindex.logical("fxp0.0"))
    assert values(router, f"{ip}.22.1.2") == {f"{unit}.198.51.100.2": "52 00 00 00 09 01 "}
    six = "2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.2"
    assert values(router, f"{ip}.35.1.4") == {
        f"{unit}.1.4.198.51.100.2": "52 00 00 00 09 01 ",
        f"{unit}.{six}": "52 00 00 00 09 02 ",
    }
    assert values(router, f"{ip}.35.1.6")[f"{unit}.{six}"] == "4", "static"
    prefixes = values(router, f"{ip}.32.1.5")
    assert {f"{unit}.1.4.198.51.100.0.30", f"{fxp0}.1.4.192.0.2.0.24"} <= prefixes.keys()
    pointers = values(router, f"{ip}.34.1.5")
    assert pointers["1.4.198.51.100.1"] == f"{ip}.32.1.5.{unit}.1.4.198.51.100.0.30"
    routes = {column: values(router, f"{ip}.24.7.1.{column}") for column in (7, 8, 9, 12)}
    default, several = "1.4.0.0.0.0.0.2.0.0.1.4.198.51.100.2", "1.4.10.1.0.0.16.2.0.0.1.4"
    assert [routes[column][default] for column in (7, 8, 9, 12)] == [unit, "4", "1", "7"]
    assert [routes[7][f"{several}.{hop}"] for hop in ("198.51.100.2", "192.0.2.9")] == [unit, fxp0]
    assert [routes[column]["1.4.10.2.0.0.16.2.0.0.0.0"] for column in (7, 8)] == ["0", "5"], "blackhole"
    assert [routes[column]["1.4.198.51.100.0.30.2.0.0.0.0"] for column in (7, 8, 9)] == [unit, "3", "2"], "on the link"
    assert routes[7][f"2.16.32.1.13.184.0.1.0.0.0.0.0.0.0.0.0.0.48.2.0.0.{six}"] == unit
    assert values(router, f"{ip}.24.4.1.5")["10.1.0.0.255.255.0.0.0.192.0.2.9"] == fxp0
    assert values(router, f"{ip}.24.6")["0"] == str(len(routes[7]))
    assert values(router, f"{ip}.37.1.4") == {f"1.4.198.51.100.2.{unit}": "65535"}
    oldest = {column: values(router, f"{ip}.21.1.{column}") for column in (2, 7, 8)}
    assert [oldest[column]["198.51.100.0"] for column in (2, 7, 8)] == [unit, "0.0.0.0", "3"]
    assert values(router, ".1.3.6.1.2.1.2.1") == {"0": str(len(values(router, ".1.3.6.1.2.1.2.2.1.1")))}
    assert values(router, f"{ip}.1") == {"0": "1"} or values(router, f"{ip}.1") == {"0": "2"}, "snmpd's own ipForwarding"


def test_the_chassis_tables_have_the_routing_engine_and_each_card_with_its_pic(router: Router) -> None:
    box = ".1.3.6.1.4.1.2636.3.1"
    here = {"9.1.0.0", *(f"7.{slot}.0.0" for slot in (1, 2, 3)), *(f"8.{slot}.1.0" for slot in (1, 2, 3))}
    for table in (f"{box}.8.1.6", f"{box}.13.1.6", f"{box}.15.1.8"):
        assert values(router, table).keys() == here
    assert set(values(router, f"{box}.13.1.6").values()) == {"2"}
    memory = int(re.search(r"MemTotal: +(\d+)", Path("/proc/meminfo").read_text())[1])  # type: ignore[index]
    assert int(values(router, f"{box}.13.1.15")["9.1.0.0"]) == memory >> 10
    kinds = values(router, f"{box}.15.1.6")
    assert (kinds["9.1.0.0"], kinds["7.1.0.0"], kinds["8.1.1.0"]) == ("6", "3", "11")
    assert {"7", "8", "9"} <= values(router, f"{box}.6.1.6").keys()


def test_the_entity_tables_have_each_card_its_pic_and_ports(router: Router) -> None:
    """RFC 6933: what is in what, and where; the types by which clients of the vendor's routers tell cards."""
    entity = ".1.3.6.1.2.1.47.1.1.1.1"
    within, sort, place, name = (values(router, f"{entity}.{column}") for column in (4, 5, 6, 7))
    number = {title: index for index, title in name.items()}
    chassis, engine, card, pic, port = (number[t] for t in ("Chassis", "Routing Engine 0", "FPC 1", "PIC 1/0", "ge-1/0/1"))
    assert [within[one] for one in (chassis, engine, card, pic, port)] == ["0", chassis, chassis, card, pic]
    assert [sort[one] for one in (chassis, engine, card, pic, port)] == ["3", "9", "9", "9", "10"]
    assert [place[one] for one in (chassis, card, pic, port)] == ["-1", "1", "0", "1"]
    assert values(router, f"{entity}.3")[card] == ".1.3.6.1.4.1.2636.1.1.3.2.12.1"
    assert values(router, f"{entity}.10")[engine] == DIALECT
    assert number["FPC 2"], "a card without ports"
    assert number["PIC 2/0"]
    alias = values(router, ".1.3.6.1.2.1.47.1.3.2.1.2")
    assert alias[f"{port}.0"] == f".1.3.6.1.2.1.2.2.1.1.{ifindex.physical('ge-1/0/1')}"


def test_the_host_tables_tell_of_memory_and_file_systems(router: Router) -> None:
    host = values(router, ".1.3.6.1.2.1.25")
    memory = int(re.search(r"MemTotal: +(\d+)", Path("/proc/meminfo").read_text())[1])  # type: ignore[index]
    assert (host["2.2.0"], host["2.3.1.5.1"]) == (str(memory), str(memory))
    (root,) = (name.rpartition(".")[2] for name, value in host.items() if name.startswith("2.3.1.3.") and value == "/")
    found = os.statvfs("/")
    unit, size = int(host[f"2.3.1.4.{root}"]), int(host[f"2.3.1.5.{root}"])
    assert abs(unit * size - found.f_frsize * found.f_blocks) <= unit
    assert 0 < int(host[f"2.3.1.6.{root}"]) <= size
    assert host["2.3.1.2.1"] == ".1.3.6.1.2.1.25.2.1.2"
    loads = [value for name, value in host.items() if name.startswith("3.3.1.2.")]
    assert len(loads) == os.cpu_count()
    assert int(host["1.6.0"]) > 1, "processes"


def test_a_card_that_comes_back_keeps_its_interface_index(router: Router) -> None:
    before = router.walk(".1.3.6.1.2.1.31.1.1.1.1")
    ip = ("ip", "-n", router.ns)
    sh(*ip, "link", "del", "ge-1-0-0")
    until = time.monotonic() + 60
    while "ge-1/0/0" in router.walk(".1.3.6.1.2.1.31.1.1.1.1"):
        assert time.monotonic() < until, "the port never went"
        time.sleep(0.2)
    found = router.discover(seconds=3, expected=["ge-1/0/0"])
    assert isinstance(found, DeadlineError), found
    assert "the ports ge-1/0/0 in the SNMP inventory" in found.message
    sh(*ip, "link", "add", "ge-1-0-0", "type", "veth", "peer", "name", "peer-1-0")
    again = router.discover(expected=["ge-1/0/0"])
    assert isinstance(again, Inventory), again
    assert router.walk(".1.3.6.1.2.1.31.1.1.1.1") == before


def test_a_wrong_community_is_told_as_a_guess(router: Router) -> None:
    found = router.discover(community="nonsense", seconds=4)
    assert isinstance(found, DeadlineError)
    assert "SNMP from 127.0.0.1" in found.message
    assert "community" in found.hint


OPERATING, FRU = (1, 3, 6, 1, 4, 1, 2636, 3, 1, 13, 1), (1, 3, 6, 1, 4, 1, 2636, 3, 1, 15, 1)
MOVING = (*((*OPERATING, column) for column in (8, 11, 13, 20, 21, 22)), (*FRU, 13),
          *((*HOST, *place) for place in ((1, 2), (1, 6), (2, 3, 1, 6), (3, 3, 1, 2))))  # fmt: skip
"""Load, memory and storage in use, processes, the time and that since the start."""
CHANGING = {smi.COUNTER, smi.COUNTER64, smi.TICKS}


def test_snmpd_hands_on_every_cell_of_every_table(router: Router) -> None:
    """By the project's walker, all tables in one request, and by an ordinary client: all names, all values that stand still."""
    walked = router.columns(list(TABLES))
    for root, found in zip(TABLES, walked, strict=True):
        rows = router.within(lambda build=TABLES[root]: list(build(Facts(str(router.chassis)))))  # type: ignore[misc]
        assert isinstance(rows, list), rows
        cells = {name[len(root) :]: (kind, value) for name, kind, value in rows}
        assert found.keys() == cells.keys()
        for name, (kind, value) in cells.items():
            whole = (*root, *name)
            if kind not in CHANGING and not any(whole[: len(one)] == one for one in MOVING):
                assert type(value)(found[name]) == value, (root, name)  # type: ignore[call-overload]
        lines = router.walk("." + ".".join(map(str, root))).splitlines()
        shown = [tuple(map(int, line.split(" = ")[0].strip(".").split("."))) for line in lines if "No Such" not in line]
        assert shown == sorted((*root, *name) for name in cells)


def test_setting_is_refused(router: Router) -> None:
    text = router.conf.read_text()
    router.conf.write_text(text.replace("rocommunity", "rwcommunity"))
    assert router.daemon
    assert router.daemon
    router.daemon.send_signal(signal.SIGHUP)
    words = ["snmpset", "-v2c", "-m", "", "-c", COMMUNITY, f"127.0.0.1:{PORT}", f"{IF_NAME}.1", "s", "x"]

    def told() -> str:
        done = subprocess.run(["ip", "netns", "exec", router.ns, *words], check=False, capture_output=True, text=True)
        return done.stderr

    router.until(lambda: "notWritable" in told(), "setting a cell was never refused as notWritable")
    router.conf.write_text(text)
    router.daemon.send_signal(signal.SIGHUP)
    router.until(lambda: "noAccess" in told(), "the community stayed writable")
    assert "ge-0/0/0" in router.walk(IF_NAME)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_the_subagent_finds_a_new_snmpd(router: Router, end: signal.Signals) -> None:
    """SIGKILL leaves a socket behind that nobody listens at."""
    before = router.walk(IF_NAME)
    assert router.daemon
    router.daemon.send_signal(end)
    router.daemon.wait(60)
    router.start_snmpd()
    assert router.walk(IF_NAME) == before


def test_snmpds_command_line_stays_as_it_was_given(router: Router) -> None:
    """By it the management daemon, when it is restarted, finds the snmpd that it had started."""
    assert router.daemon
    given = router.daemon.args[4:]  # type: ignore[index]  # behind `ip netns exec NAME`
    shown = Path(f"/proc/{router.daemon.pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    assert shown == given


def test_a_new_subagent_takes_the_place_of_one_that_died(router: Router) -> None:
    before = router.walk(IF_NAME)
    assert router.subagent
    router.subagent.kill()
    router.subagent.wait(60)
    router.until(lambda: "ge-" not in router.walk(IF_NAME), "the tables stayed without their sub-agent")
    router.start_subagent()
    router.until(lambda: router.walk(IF_NAME) == before, "the tables never came back")


def test_only_root_may_answer_for_the_router(router: Router) -> None:
    assert router.socket.stat().st_mode & 0o777 == 0o600
    assert router.socket.stat().st_uid == 0
