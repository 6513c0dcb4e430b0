"""The main job on real guests: examples/back-to-back.yaml is deployed once; the tests below use it in their order.

What a network engineer would check: ports, pings, OSPF, capture, rewiring without a reboot, a dead card healed, no secrets.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from .cli import REPOSITORY, Installation, await_that, explain_adjacency

pytestmark = [pytest.mark.machines, pytest.mark.timeout(600)]
LAB = "back-to-back"


@pytest.fixture(scope="module")
def lab(here: Installation) -> Installation:
    here.run("up", "examples/back-to-back.yaml")
    return here


def neighbours(lab: Installation, router: str) -> list[str]:
    """Interfaces over which OSPF is Full."""
    lines = lab.on(LAB, router, "show ospf neighbor").splitlines()
    return sorted(line.split()[1] for line in lines if "Full" in line)


def boots(lab: Installation) -> dict[str, str]:
    """A boot id of every guest: the routers' own, and those that the cards report."""
    found = {}
    for router in ("west", "east"):
        found[router] = lab.run("ssh", LAB, router, "cat", "/proc/sys/kernel/random/boot_id").out.strip()
        report = lab.run("ssh", LAB, router, "cat", "/run/chassisd.json").json()
        found |= {f"{router}-vfp{card['slot']}": card["boot"] for card in report["cards"]}
    return found


def interfaces(lab: Installation, router: str) -> dict[str, str]:
    """Port -> link state, as the router shows it."""
    rows = [line.split() for line in lab.on(LAB, router, "show interfaces terse").splitlines()]
    return {row[0]: row[2] for row in rows if len(row) >= 3 and row[0].startswith("ge-") and "." not in row[0]}


def test_every_port_is_ready_and_in_the_inventory(lab: Installation) -> None:
    shown = lab.json("show", LAB)
    assert shown["state"] == "ready"
    assert len(shown["machines"]) == 6
    assert {machine["state"] for machine in shown["machines"]} == {"running"}
    assert len(shown["ports"]) == 16
    assert all(port["ready"] and port["mac"] for port in shown["ports"])
    assert len({port["mac"] for port in shown["ports"]}) == 16
    wired = {port["name"]: port for port in shown["ports"]}["west:ge-0/0/0"]
    assert (wired["peer"], wired["mtu"]) == ("east:ge-0/0/0", 9192)
    assert "10.0.0.1/30" in wired["addresses"]
    assert {tuple(wire["ends"]): wire["state"] for wire in shown["wires"]} == {
        ("west:ge-0/0/0", "east:ge-0/0/0"): "connected",
        ("west:ge-1/0/0", "east:ge-1/0/0"): "connected",
    }


@pytest.mark.parametrize("address", ["10.0.0.2", "10.0.1.2"])
def test_large_pings_pass_both_wires_unfragmented(lab: Installation, address: str) -> None:
    def ping() -> str:
        return lab.on(LAB, "west", f"ping {address} count 2 size 9000 do-not-fragment")

    await_that(f"a ping of {address}", ping, lambda out: " 0% packet loss" in out)


def test_ospf_is_full_over_both_wires_and_routes_are_learnt(lab: Installation) -> None:
    wanted = ["ge-0/0/0.0", "ge-1/0/0.0"]
    explain = partial(explain_adjacency, lab, LAB, ("west", "east"))
    await_that("OSPF Full on west", lambda: neighbours(lab, "west"), lambda found: found == wanted, explain=explain)
    await_that("OSPF Full on east", lambda: neighbours(lab, "east"), lambda found: found == wanted, explain=explain)
    await_that("east's loopback on west", lambda: lab.on(LAB, "west", "show route 10.255.0.2"), lambda out: "OSPF" in out)


def test_the_documented_suite_of_pytest_passes_on_this_lab(lab: Installation, tmp_path: Path) -> None:
    """docs/howto/test-in-ci.md has it: OSPF, a commit, a cut wire and a capture, through the plugin."""
    page = (REPOSITORY / "docs/howto/test-in-ci.md").read_text(encoding="utf-8")
    (tmp_path / "test_network.py").write_text(page.split("```python\n")[1].split("```")[0], encoding="utf-8")
    installed = list(entry_points(group="pytest11", name="rackless"))
    loaded = [] if installed else ["-p", "rackless.testing.plugin"]
    command = [sys.executable, "-m", "pytest", *loaded, "-q", "--use-lab", LAB, "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, env=lab.environ, cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False)
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_a_capture_of_a_ping_is_read_back_by_tcpdump(lab: Installation, tmp_path: Path) -> None:
    """Two captures at once: of one end to a pipe, of the other end with `-w`."""
    piped, written = tmp_path / "piped.pcap", tmp_path / "written.pcap"
    pipe = lab.start("capture", LAB, "west:ge-1/0/0")
    file = lab.start("capture", LAB, "east:ge-1/0/0", "-w", str(written), "--json")
    try:
        assert pipe.stdout is not None
        head = pipe.stdout.read(24)  # the file header is there as soon as the capture runs
        await_that("the file's header", lambda: written.exists() and written.stat().st_size >= 24, bool)
        lab.on(LAB, "west", "ping 10.0.1.2 count 3 size 1400")
        for capture in (pipe, file):
            capture.send_signal(signal.SIGINT)
        rest, _ = pipe.communicate(timeout=30)
        told, _ = file.communicate(timeout=30)
    finally:
        pipe.kill()
        file.kill()
    piped.write_bytes(head + rest)
    for kept in (piped, written):
        read = subprocess.run(["tcpdump", "-nr", kept, "icmp"], capture_output=True, text=True, check=True).stdout
        for kind, way in (("request", "10.0.1.1 > 10.0.1.2"), ("reply", "10.0.1.2 > 10.0.1.1")):
            lines = [line for line in read.splitlines() if f"ICMP echo {kind}" in line]
            assert len(lines) >= 3
            assert all(way in line and "length 1408" in line for line in lines), read
    assert (pipe.returncode, file.returncode) == (0, 0)
    assert json.loads(told) == {"lab": LAB, "end": "east:ge-1/0/0", "file": str(written), "bytes": written.stat().st_size}


def test_no_secret_is_in_a_transcript_a_log_or_a_table_of_jobs(lab: Installation) -> None:
    rows: list[dict[str, Any]] = lab.json("credentials", LAB)
    secrets = {row[key] for row in rows for key in ("password", "root_password", "community")}
    assert len(secrets) >= 2
    transcripts = [path for path in (lab.state / "transcripts").rglob("*") if path.is_file()]
    text = "".join(path.read_text(errors="replace") for path in transcripts)
    assert "commit complete" in text
    public = [
        path for path in lab.state.rglob("*") if path.is_file() and "labs" not in path.parts and path.name != "rackless.sqlite"
    ]
    for path in [*public, *transcripts]:
        if path.name.startswith("rackless.sqlite"):
            continue
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], path
        assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0, path
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        assert not [secret for secret in secrets if secret.encode() in command], command


def test_a_wire_moves_to_another_card_and_nothing_reboots(lab: Installation) -> None:
    before = boots(lab)
    lab.run("disconnect", LAB, "west:ge-0/0/0", "east:ge-0/0/0")
    for router in ("west", "east"):
        await_that("carrier gone", lambda r=router: interfaces(lab, r)["ge-0/0/0"], lambda link: link == "down")
        await_that("neighbour gone", lambda r=router: neighbours(lab, r), lambda found: found == ["ge-1/0/0.0"])
    lab.run("connect", LAB, "west:ge-0/0/0", "east:ge-1/0/1")
    moved = [
        "configure",
        "delete interfaces ge-0/0/0 unit 0",
        "set interfaces ge-1/0/1 mtu 9192",
        "set interfaces ge-1/0/1 unit 0 family inet address 10.0.0.2/30",
        "set protocols ospf area 0.0.0.0 interface ge-1/0/1.0 interface-type p2p",
        "delete protocols ospf area 0.0.0.0 interface ge-0/0/0.0",
        "commit and-quit",
    ]
    assert "commit complete" in lab.on(LAB, "east", "; ".join(moved))
    await_that("the neighbour on east's other card", lambda: neighbours(lab, "east"), lambda f: f == ["ge-1/0/0.0", "ge-1/0/1.0"])
    await_that("the neighbour on west", lambda: neighbours(lab, "west"), lambda f: f == ["ge-0/0/0.0", "ge-1/0/0.0"])
    assert boots(lab) == before
    assert lab.ports(LAB)["west:ge-0/0/0"]["peer"] == "east:ge-1/0/1"


def test_a_wire_put_down_takes_the_carrier_of_both_ends(lab: Installation) -> None:
    lab.run("link", LAB, "west:ge-1/0/0", "--down")
    for router in ("west", "east"):
        await_that("carrier gone", lambda r=router: interfaces(lab, r)["ge-1/0/0"], lambda link: link == "down")
    lab.run("link", LAB, "west:ge-1/0/0", "--up")
    for router in ("west", "east"):
        await_that("carrier back", lambda r=router: interfaces(lab, r)["ge-1/0/0"], lambda link: link == "up")


def test_a_killed_card_is_seen_and_comes_back_with_its_ports_and_wires(lab: Installation) -> None:
    os.kill(lab.qemu(LAB, "west-vfp1"), signal.SIGKILL)
    await_that("show to say so", lambda: lab.machines(LAB)["west-vfp1"]["state"], lambda state: state == "stopped", 30)
    await_that("its ports gone on west", lambda: list(interfaces(lab, "west")), lambda names: "ge-1/0/0" not in names, 60)
    lab.run("restart", LAB, "west-vfp1")
    assert lab.machines(LAB)["west-vfp1"]["state"] == "running"
    await_that("its ports back", lambda: interfaces(lab, "west").get("ge-1/0/0"), lambda link: link == "up")
    await_that("OSPF on its wire", lambda: neighbours(lab, "west"), lambda found: "ge-1/0/0.0" in found)


def test_saved_configurations_are_files_that_load_again(lab: Installation, tmp_path: Path) -> None:
    lab.run("save", LAB, "--to", str(tmp_path))
    saved = (tmp_path / "east.set").read_text()
    assert "set interfaces ge-1/0/1 unit 0 family inet address 10.0.0.2/30" in saved


def test_up_again_says_that_the_lab_is_up(lab: Installation) -> None:
    again = lab.run("up", "examples/back-to-back.yaml")
    assert "is up already" in again.out + again.err


def test_down_leaves_nothing_and_says_so(lab: Installation) -> None:
    assert "gone" in lab.run("down", LAB).out
    assert lab.json("list") == []
    assert lab.leftovers() == []
