"""Which of the slow suites have to run: those of which something that they cover has changed since they last passed.

    suites.py due SUITE      exit status 0 when it has to run, 1 when it has passed on what is here
    suites.py passed SUITE   keep that it has (packaging/passed.txt, which is committed)
    suites.py behind PART    exit status 0 when `make test-all` has this part behind it, on this very tree
    suites.py ended PART     keep that it has (build/test-all.txt, which is not)

A suite's mark is the digest of all files that it covers, so that it follows contents, not commits: a clean clone, a branch and a
work tree are judged alike.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[1]
PASSED = TOP / "packaging/passed.txt"
ENDED = TOP / "build/test-all.txt"
SUITES = {
    # Against an OpenStack of real services: the provider, and the contract that it keeps.
    "openstack": (
        "tests/openstack",
        "tests/howto.py",
        "docs/howto/openstack.md",
        "tests/conformance/conftest.py",
        "tests/conformance/specs.py",
        "tests/conformance/test_provider.py",
        "tests/conformance/openstack_place.py",
        "packaging/openstack",
        "src/rackless/providers/openstack",
        "src/rackless/providers/contract.py",
        "src/rackless/providers/site_id.py",
        "src/rackless/model/places.py",
        "src/rackless/model/plan.py",
        "requirements.lock",
    ),
    # Against govmomi's simulator of a vCenter: the provider, and the contract that it keeps.
    "vsphere": (
        "tests/vsphere",
        "tests/howto.py",
        "docs/howto/vsphere.md",
        "tests/conformance/conftest.py",
        "tests/conformance/specs.py",
        "tests/conformance/test_provider.py",
        "tests/conformance/vsphere_place.py",
        "src/rackless/providers/vsphere",
        "src/rackless/providers/contract.py",
        "src/rackless/providers/site_id.py",
        "src/rackless/model/places.py",
        "src/rackless/model/plan.py",
        "requirements.lock",
    ),
    # Nodes of a fabric in network namespaces, with the real engines; several servers on one database, and moves to it; the core
    # of a fabric under random schedules, and killed after every step.
    "fabric": (
        "tests/fabric",
        "tests/postgresql.py",
        "tests/stories/fabric",
        "tests/stories/shell.py",
        "tests/stories/test_fabric_stories.py",
        "tests/unit/test_fabric_membership.py",
        "tests/unit/test_moving.py",
        "src/rackless/fabric",
        "src/rackless/model/fabric.py",
        "src/rackless/keepers/heartbeat.py",
        "src/rackless/keepers/silence.py",
        "src/rackless/store/database.py",
        "src/rackless/store/archive.py",
        "src/rackless/store/servers.py",
        "src/rackless/store/snapshot.py",
        "src/rackless/workflows/deaths.py",
        *(
            f"src/rackless/{name}.py"
            for name in ("daemons", "durable", "lease", "listening", "moving", "notifying", "postgresql", "restoring", "streams")
        ),
        "packaging/apt-fabric.txt",
        "packaging/fabric.lock",
    ),
    # The reference router's own software: its command line, NETCONF, SNMP, and real FRR on the kernel, two routers and a wire.
    "guest": (
        "tests/guest",
        "tests/stories/cli",
        "tests/stories/vmhost-cli",
        "tests/unit/vmhost_memory.py",
        "guest",
        "src/rackless/__init__.py",
        "src/rackless/streams.py",
        "src/rackless/model",
        "src/rackless/vmhost",
        "packaging/apt.txt",
        "packaging/apt-test.txt",
        "requirements.lock",
    ),
    # VM hosts with real guests: what happens to a guest, its own console, a lab over two hosts.
    "hosts": (
        "tests/machines/test_vmhost.py",
        "tests/machines/test_vmhost_console.py",
        "tests/machines/test_two_hosts.py",
        "tests/machines/reference_vm.py",
        "tests/conformance/host_place.py",
        "guest/mgmt/commands/vmhost.py",
        "guest/mgmt/hostport.py",
        "guest/mgmt/render/vmhost.py",
        "guest/mgmt/vmhost.py",
        "guest/protocol",
        *(f"guest/mgmt/replies/{name}.py" for name in ("vmhost", "vmhost_requests", "vmhost_use")),
        "src/rackless/images/inside.py",
        "src/rackless/providers/host",
        "src/rackless/qemu",
        "src/rackless/vmhost",
        "requirements.lock",
    ),
    # The VM host's agent on a simulated machine, with the power lost after every step.
    "vmhost-stories": (
        "tests/stories/test_vmhost.py",
        "tests/stories/vmhost",
        "src/rackless/__init__.py",
        "src/rackless/model",
        "src/rackless/vmhost",
        "requirements.lock",
    ),
    # The core of a fabric on a simulated cluster; with the decider killed after one step.
    "fabric-stories": (
        "tests/stories/test_fabric_stories.py",
        "tests/stories/fabric",
        "tests/stories/vmhost",
        "src/rackless/__init__.py",
        "src/rackless/model",
        "src/rackless/fabric",
        "src/rackless/vmhost",
        "requirements.lock",
    ),
    # Many machines at once, and the benches in short.
    "scale": (
        "tests/machines/test_many.py",
        "tests/machines/test_benches.py",
        "bench",
        "src/rackless/providers/local",
        "src/rackless/qemu",
        "src/rackless/workflows/booting.py",
    ),
    # The VM host's appliance: its disks on loop devices, and booted in QEMU.
    "appliance": (
        "tests/appliance",
        "packaging/debian",
        "packaging/systemd",
        "src/rackless/appliance",
        "src/rackless/vmhost/linux",
        *(
            f"src/rackless/vmhost/{name}"
            for name in (
                "bootstate.py",
                "fat.py",
                "gpt.py",
                "grubscript.py",
                "layouts.py",
                "layouts.toml",
                "repairs.py",
                "setimage.py",
            )
        ),
    ),
    # In a browser, against the server with the fake provider: the page and the routes that it uses.
    "web": ("tests/web", "web", "src/rackless/api", "src/rackless/console", "src/rackless/blueprints", "requirements.lock"),
    # Kills at every point of every workflow, and two hundred labs with failures: all that is durable.
    "kills": (
        "tests/kills",
        "src/rackless/workflows",
        "src/rackless/store",
        "src/rackless/sandboxes",
        "src/rackless/keepers",
        "src/rackless/planning",
        "src/rackless/durable.py",
        "src/rackless/daemons.py",
        "src/rackless/providers/fake.py",
        "src/rackless/providers/fake_cloud.py",
        "requirements.lock",
    ),
}
BUILT = {"__pycache__", "node_modules", "dist", "build"}


def covered(suite: str) -> str:
    """The digest of what it covers."""
    total = hashlib.sha256()
    for name in SUITES[suite]:
        path = TOP / name
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        for file in files:
            place = file.relative_to(TOP)
            if BUILT & set(place.parts) or file.name == "schema.ts":
                continue
            total.update(f"{place}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def tree() -> str:
    """The digest of all that git knows or would take, but for the marks of suites."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=TOP, check=True, capture_output=True
    )
    total = hashlib.sha256()
    for name in sorted(set(listed.stdout.decode().split("\0")) - {"", str(PASSED.relative_to(TOP))}):
        file = TOP / name
        if file.is_file():
            total.update(f"{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def marks(kept: Path) -> dict[str, str]:
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    return {suite: mark for suite, _, mark in (line.partition(" ") for line in lines)}


def keep(kept: Path, suite: str, mark: str) -> None:
    found = {**marks(kept), suite: mark}
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("".join(f"{name} {found[name]}\n" for name in sorted(found)), encoding="utf-8")


def main(verb: str = "", suite: str = "") -> int:
    if verb == "due" and suite in SUITES:
        return 0 if marks(PASSED).get(suite) != covered(suite) else 1
    if verb == "passed" and suite in SUITES:
        keep(PASSED, suite, covered(suite))
        return 0
    if verb == "behind" and suite:
        return 0 if marks(ENDED).get(suite) == tree() else 1
    if verb == "ended" and suite:
        keep(ENDED, suite, tree())
        return 0
    raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
