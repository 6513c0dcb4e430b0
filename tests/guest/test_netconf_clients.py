"""Clients that others wrote, unmodified, against the management daemon behind an SSH server: ncclient and junos-eznc (PyEZ)."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from jnpr import junos
from jnpr.junos.exception import ConfigLoadError, LockError, RpcError
from jnpr.junos.op.arp import ArpTable
from jnpr.junos.op.ethport import EthPortTable
from jnpr.junos.op.fpc import FpcHwTable, FpcInfoTable
from jnpr.junos.op.routes import RouteTable
from jnpr.junos.utils.config import Config
from jnpr.junos.utils.fs import FS
from ncclient import manager
from ncclient.operations.rpc import RPCError

from .test_mgmt_stories import ENVIRONMENT, HERE, client, prepare, wait_for

SECRET = "$6$saltsalt$abcdefghijklmnop"
PORTS = [{"port": port, "mac": f"52:00:00:00:01:0{port}", "mtu": 1500, "carrier": True, "speed": 1000000000} for port in range(2)]
CARDS = [{"slot": slot, "state": "online", "boot": "x", "since": 1795244047.8, "ports": PORTS} for slot in range(2)]


class Server:
    """An SSH server on loopback whose `netconf` subsystem is the router's own program, as in its sshd."""

    def __init__(self, root: Path, key: Path) -> None:
        self._root = root
        self._key = key
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(30), "the SSH server did not start"

    def _run(self) -> None:
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()

    async def _listen(self) -> None:
        public = self._key.with_suffix(".pub")
        self._listener = await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[str(self._key)], authorized_client_keys=str(public), process_factory=self._serve,
            encoding=None, allow_scp=False,
        )  # fmt: skip
        self.port = self._listener.get_port()

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        assert process.subsystem == "netconf"
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mgmt.netconf.pipe", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**ENVIRONMENT, "MGD_SOCKET": str(self._root / "run/mgd.sock")},
        )  # fmt: skip
        await process.redirect(stdin=child.stdin, stdout=child.stdout)
        await child.wait()
        await process.stdout.drain()
        process.exit(0)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)

    async def _end(self) -> None:
        self._listener.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int, str]]:
    """(root folder, port, key file) of a router with two cards."""
    top = tmp_path_factory.mktemp("clients")
    root, key = top / "root", top / "key"
    prepare(root, HERE / "stories/cli/interfaces")
    answers = json.loads((root / "answers.json").read_text())
    neighbor = {"dst": "10.0.0.2", "dev": "ge-0-0-0", "lladdr": "52:00:00:00:00:99", "state": ["REACHABLE"]}
    answers["ip -j -4 neighbor show"] = [neighbor]
    answers["ip -j -4 route show"] = [{"dst": "default", "gateway": "10.0.0.2", "dev": "ge-0-0-0"}]
    answers["ip -j -6 route show"] = []
    for name in ("run", "root", "proc"):
        (root / name).mkdir(exist_ok=True)
    (root / "answers.json").write_text(json.dumps(answers))
    (root / "run/chassisd.json").write_text(json.dumps({"cards": CARDS}))
    (root / "proc/uptime").write_text("4711.5 1.0\n")
    (root / "etc/hosts.junos").write_text((HERE.parent / "guest/rootfs/etc/hosts.junos").read_text())
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    daemon = subprocess.Popen([sys.executable, "-m", "mgmt.daemon", "--root", str(root)], env=ENVIRONMENT)
    try:
        wait_for(root / "run/mgd.sock", daemon)
        first = f'configure; set system root-authentication encrypted-password "{SECRET}"; set system host-name west; commit'
        assert "commit complete" in client(root, "-c", first).stdout
        server = Server(root, key)
        yield root, server.port, str(key)
        server.close()
    finally:
        daemon.terminate()
        daemon.wait(60)


@pytest.fixture
def device(world: tuple[Path, int, str]) -> Iterator[Any]:
    """PyEZ, connected. The candidate is as it was when it leaves."""
    _, port, key = world
    with junos.Device(host="127.0.0.1", port=port, user="root", ssh_private_key_file=key, ssh_config="/dev/null") as one:
        one.timeout = 60
        yield one
        Config(one).rollback(0)


@pytest.fixture
def session(world: tuple[Path, int, str]) -> Iterator[Any]:
    """ncclient, connected as its users connect to this dialect."""
    _, port, key = world
    where: dict[str, Any] = {"host": "127.0.0.1", "port": port, "username": "root", "key_filename": key}
    habits = {"hostkey_verify": False, "look_for_keys": False, "allow_agent": False, "timeout": 60}
    with manager.connect(**where, **habits, device_params={"name": "junos"}) as one:
        yield one
        one.discard_changes()


# ---- PyEZ


def test_facts(device: Any) -> None:
    facts = {name: device.facts[name] for name in ("hostname", "model", "version", "personality", "virtual", "serialnumber")}
    assert facts == {
        "hostname": "west",
        "model": "VMX",
        "version": "23.2R1",
        "personality": "MX",
        "virtual": True,
        "serialnumber": "RR520000000001",
    }
    assert device.facts["RE0"]["status"] == "OK"
    assert device.facts["RE0"]["model"] == "RE-VMX"
    assert device.facts["2RE"] is False
    assert device.facts["master"] == "RE0"
    assert "master" in device.facts["current_re"]
    assert device.facts["HOME"] == "/root"
    assert device.facts["vmhost"] is False
    assert device.facts["vc_capable"] is False
    assert device.facts["version_info"].major == (23, 2)
    assert device.uptime == 4711


def test_config_load_diff_check_commit_rollback(device: Any) -> None:
    config = Config(device)
    assert config.diff() is None
    config.load("set system host-name north", format="set")
    config.load("interfaces { ge-0/0/0 { description text; } }", format="text", merge=True)
    interface = "<interface><name>ge-0/0/1</name><description>xml</description></interface>"
    config.load(f"<configuration><interfaces>{interface}</interfaces></configuration>", format="xml")
    config.load(
        '{"configuration": {"interfaces": {"interface": [{"name": "ge-0/0/1", "mtu": 2000}]}}}', format="json", merge=True
    )
    diff = config.diff()
    for line in ("-  host-name west;", "+  host-name north;", "description text;", "description xml;", "mtu 2000;"):
        assert line in diff
    assert config.commit_check()
    assert config.commit(comment="by PyEZ", confirm=5)
    assert config.commit()
    assert config.diff() is None
    assert config.rollback(2), "the commit that confirmed is 0, what it confirmed is 1"
    assert "-  host-name north;" in config.diff()
    assert config.commit()
    assert device.cli("show configuration system host-name", warning=False).strip() == "host-name west;"


def test_config_errors_are_raised(device: Any) -> None:
    config = Config(device)
    with pytest.raises(ConfigLoadError) as caught:
        config.load("set system nonsense 1", format="set")
    assert caught.value.errs[0]["bad_element"] == "nonsense"
    assert config.diff() is None


def test_config_modes(device: Any, world: tuple[Path, int, str]) -> None:
    with Config(device, mode="private") as config:
        config.load("set system host-name private", format="set")
        assert "private" in config.diff()
    with Config(device, mode="exclusive") as config:
        config.load("set system host-name exclusive", format="set")
        where = {"host": "127.0.0.1", "port": world[1], "user": "root", "ssh_private_key_file": world[2]}
        with junos.Device(**where, gather_facts=False) as other, pytest.raises(LockError):
            Config(other).lock()
    assert Config(device).diff() is None


def test_rescue(device: Any) -> None:
    config = Config(device)
    assert config.rescue("save")
    assert "host-name west" in config.rescue("get")
    config.load("set system host-name lost", format="set")
    config.rescue("reload")
    assert config.diff() is None
    assert config.rescue("delete")


def test_cli(device: Any) -> None:
    assert "Hostname: west" in device.cli("show version", warning=False)
    assert device.cli("show version", format="xml", warning=False).findtext("host-name") == "west"
    answer = device.cli("show arp", format="json", warning=False)
    assert answer["arp-table-information"][0]["arp-table-entry"][0]["ip-address"] == [{"data": "10.0.0.2"}]
    assert device.cli("show configuration system", format="xml", warning=False).findtext("system/host-name") == "west"
    assert device.display_xml_rpc("show route protocol static", format="text") == (
        "<get-route-information><protocol>static</protocol></get-route-information>"
    )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        device.cli("show interfaces terse")
    assert any("rpc.get_interface_information(terse=True)" in str(one.message) for one in told)
    with pytest.raises(RpcError) as caught:
        device.cli("show nonsense", warning=False)
    assert caught.value.rpc_error["bad_element"] == "nonsense"


def test_get_config_formats(device: Any) -> None:
    assert device.rpc.get_config(filter_xml="system/host-name").findtext("system/host-name") == "west"
    assert "host-name west;" in device.rpc.get_config(options={"format": "text"}).text
    assert "set system host-name west" in device.rpc.get_config(options={"format": "set"}).text
    assert device.rpc.get_config(options={"format": "json"})["configuration"]["system"]["host-name"] == "west"
    assert device.rpc.get_config(options={"database": "committed", "inherit": "inherit"}).findtext("system/host-name") == "west"


def test_operational_tables(device: Any) -> None:
    ports = {port.name: port for port in EthPortTable(device).get()}
    assert set(ports) == {"ge-0/0/0", "ge-1/0/2", "ge-1/0/10"}
    assert (ports["ge-0/0/0"].oper, ports["ge-0/0/0"].running, ports["ge-0/0/0"].rx_bytes) == ("up", True, "570")
    assert ports["ge-1/0/10"].oper == "down"
    assert [(row.ip_address, row.interface_name) for row in ArpTable(device).get()] == [("10.0.0.2", "ge-0/0/0.0")]
    routes = {row.name: row for row in RouteTable(device).get()}
    assert (routes["0.0.0.0/0"].nexthop, routes["0.0.0.0/0"].via) == ("10.0.0.2", "ge-0/0/0.0")
    assert routes["10.9.9.9/32"].protocol == "Local"
    assert [row.name for row in RouteTable(device).get("10.9.9.9")] == ["10.9.9.9/32"], "the longest prefix"
    assert [row.name for row in FpcHwTable(device).get()] == ["FPC 0", "FPC 1"]
    assert [(row.name, row.state) for row in FpcInfoTable(device).get()] == [("0", "Online"), ("1", "Online")]


def test_files(device: Any) -> None:
    files = FS(device)
    assert "passwd" in files.ls("/etc")["files"]
    assert files.cat("/etc/hosts.junos").count("128.0.0.") == 2
    assert files.ls("/nowhere") is None


# ---- ncclient


def test_ncclient_rpcs(session: Any) -> None:
    assert ":candidate" in session.server_capabilities
    reply = session.rpc("<get-interface-information><terse/></get-interface-information>")
    assert reply.xpath("//physical-interface/name")[0].text.strip() == "ge-0/0/0"
    assert session.command("show version", format="text").xpath("//output")[0].text.strip().startswith("Hostname: west")
    assert session.get_configuration(format="xml").xpath("//system/host-name")[0].text == "west"
    assert session.get_config("running").xpath("//system/host-name")[0].text == "west"


def test_ncclient_edits(session: Any) -> None:
    with session.locked("candidate"):
        config = "<config><configuration><system><host-name>south</host-name></system></configuration></config>"
        session.edit_config(target="candidate", config=config, default_operation="merge", test_option="test-then-set")
        compared = session.compare_configuration(0)
        assert "+  host-name south;" in compared.xpath("//configuration-output")[0].text
        assert session.validate("candidate").xpath("//ok")
        session.commit(confirmed=True, timeout="120")
        session.commit(comment="confirmed")
    assert session.load_configuration(action="set", config=["set system host-name west"]).xpath("//ok")
    session.commit()
    session.load_configuration(action="merge", format="text", config="system { host-name nowhere; }")
    session.rollback(0)
    assert session.get_config("candidate").xpath("//system/host-name")[0].text == "west"


def test_ncclient_errors(session: Any) -> None:
    with pytest.raises(RPCError) as caught:
        session.rpc("<get-nonsense/>")
    assert caught.value.message.strip() == "syntax error"
    with pytest.raises(RPCError) as caught:
        session.edit_config(target="running", config="<config><configuration/></config>")
    assert caught.value.tag == "operation-not-supported"
