"""Every bench in its short form: it runs to its end and prints the figures that it promises. No time is asserted.

Those of clouds need their stacks: bench/vsphere.py and bench/openstack_services.py run with `make`.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .cli import REPOSITORY

pytestmark = [pytest.mark.scale, pytest.mark.timeout(1800)]
BENCHES = {
    "run": (
        ["--short", "--tries", "1", "--rounds", "1"],
        {"deploy_ratio", "connect_ms", "carrier_ms", "disconnect_ms", "teardown_s", "memory_ratio"},
    ),
    "warm": (["--host"], {"cold_ratio", "warm_ratio", "warm_of_cold", "warm_private_mib"}),
    "many": (["--machines", "2", "--tries", "1"], {"up_ratio", "down_ratio", "connect_ms", "private_mib"}),
    "wires": (["--span", "0.05"], {"dgram_frames_s", "stream_frames_ratio", "relay_frames_ratio", "capture_frames_ratio"}),
    "card": (
        ["--span", "0.1", "--turns", "1"],
        {
            "card_of_wire_64_frames_ratio",
            "card_of_linux_1514_time_ratio",
            "captured_of_card_9000_frames_ratio",
            "card_9000_p99_ms",
        },
    ),
}


@pytest.mark.parametrize("name", list(BENCHES))
def test_a_bench_runs_in_its_short_form_and_leaves_nothing(name: str) -> None:
    words, promised = BENCHES[name]
    before = benched()
    ran = subprocess.run(
        [sys.executable, f"bench/{name}.py", "--json", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    found = json.loads(ran.stdout)
    assert promised <= set(found)
    assert all(math.isfinite(value) and value > 0 for value in found.values()), found
    assert benched() <= before


@pytest.mark.parametrize("name", ["service", "standing"])
def test_a_bench_of_the_service_runs_with_a_few_routers(name: str) -> None:
    words = ["--json", "--routers", "4", "--per-lab", "2", "--clients", "2", "--reads", "2"]
    ran = subprocess.run(
        [sys.executable, f"bench/{name}.py", *words], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    (found,) = json.loads(ran.stdout)
    assert found["routers"] == 4
    assert min(found.values()) > 0, found


def test_the_same_machines_are_run_by_every_peer_that_is_installed_here_and_nothing_is_left() -> None:
    found_at = f"{os.environ['PATH']}:/usr/sbin"
    lacking = [] if shutil.which("libvirtd", path=found_at) else ["libvirtd"]
    lacking += [] if (REPOSITORY / ".venv-peers/bin/gns3server").exists() else ["GNS3 server"]
    if lacking:
        pytest.skip(f"not installed here: {', '.join(lacking)} (packaging/setup.sh --peers)")
    before, bridges = benched(), set(os.listdir("/sys/class/net"))
    ran = subprocess.run(
        [sys.executable, "bench/peers.py", "--json", "--machines", "2", "--tries", "1"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    told = json.loads(ran.stdout)
    found = told["peers"]
    assert set(found) | set(told["absent"]) == {"bare", "rackless", "libvirt-udp", "libvirt-bridges", "gns3"}
    assert set(told["absent"]) <= ({"libvirt-bridges"} if os.geteuid() else set()), told["absent"]
    for name, figures in found.items():
        assert min(figures[key] for key in ("ready_s", "end_s", "machine_mib")) > 0, figures
        # Whatever a peer could not do is told in its own words, and never a figure.
        assert ("connect_ms" in figures) != ("rewiring" in figures["refused"]), figures
        assert figures.get("new_wire_carries", True), f"{name}: {figures}"
        assert figures["wires_carry"] or "start of nodes" in figures["refused"], f"{name}: {figures}"
    assert {"connect_ms", "disconnect_ms"} <= set(found["bare"]) & set(found["rackless"])
    assert benched() <= before
    assert set(os.listdir("/sys/class/net")) <= bridges


def benched() -> set[str]:
    """Processes whose files are a bench's."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        found |= {entry.name} if b"/tmp/rlb" in words or b"/tmp/rlw" in words else set()
    return found
