"""Bundles: verified before a byte is written, installed by Debian's RAUC on loop devices, and cut off at any moment."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import rackless
from rackless.appliance import bundle, root
from rackless.model.errors import InputError
from rackless.vmhost.bootstate import Slot
from rackless.vmhost.linux import bootloader, rauc, sets
from rackless.vmhost.linux.disks import mounted
from tests.appliance.hosts import PLATFORM, Host, guest_image, installed, sealed

pytestmark = [
    pytest.mark.appliance,
    pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root"),
    pytest.mark.timeout(300),
]
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
"""
FORM = "verity" if "device-mapper" in Path("/proc/misc").read_text() else "plain"
"""Where the kernel has no device mapper: the other format; the boots of the appliance take real bundles."""
SOURCES = Path(rackless.__file__).parents[1]
HOOK = f'#!/bin/sh\nexec {sys.executable} -m rackless.vmhost.linux.taking "$@"\n'


@dataclass
class Updating:
    """A host whose RAUC runs: the real one, with the appliance's own configuration but for the names of devices."""

    host: Host
    signer: bundle.Authority
    folder: Path
    environment: dict[str, str]
    service: subprocess.Popen[bytes]
    own: tuple[str, ...]
    """Loop devices that stand for the two roots' partitions."""

    def start(self) -> None:
        words = ["rauc", f"--conf={self.folder}/system.conf", "service", "--override-boot-slot=a"]
        with (self.folder / "rauc.log").open("ab") as log:
            self.service = subprocess.Popen(words, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 60
        while subprocess.run(["rauc", "status"], check=False, env=self.environment, capture_output=True).returncode:
            assert time.monotonic() < deadline, (self.folder / "rauc.log").read_text()
            time.sleep(0.1)

    def cut(self) -> None:
        """The power fails: whatever RAUC had begun is not there any more."""
        os.killpg(self.service.pid, signal.SIGKILL)
        self.service.wait()
        left = [
            line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines() if str(self.folder) in line.split()[1]
        ]
        for where in reversed(left):
            subprocess.run(["umount", "-l", where], check=True)
        # Nor is what its hooks had mounted: two mounts of one partition would write over each other.
        listed = ["losetup", "--list", "--noheadings", "--output", "NAME", "--associated", str(self.host.paths[0])]
        loops = set(subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split()) - set(self.own)
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            if line.split()[0] in loops:
                subprocess.run(["umount", "-l", line.split()[1]], check=True)
        for loop in loops:
            subprocess.run(["losetup", "-d", loop], check=False)

    def install(self, file: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["rauc", "install", file], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


async def make(folder: Path, signer: bundle.Authority, version: str, *, platform: str = PLATFORM, disk: bytes = b"new") -> Path:
    work = folder / f"making-{version}-{platform}"
    work.mkdir()
    sealed(work / "root.img", version, platform)
    return await bundle.make(
        work / "root.img", guest_image(work / "guest", disk=disk), signer, work / "set.raucb", work, form=FORM, hook=HOOK
    )


@contextmanager
def attached(host: Host, part: str) -> Iterator[str]:
    entry = host.disk(1).part(part)
    words = ["losetup", "-f", "--show", "--offset", str(entry.start), "--sizelimit", str(entry.size), host.paths[0]]
    loop = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    try:
        yield loop
    finally:
        subprocess.run(["losetup", "-d", loop], check=True)


@pytest.fixture
async def updating(tmp_path: Path) -> AsyncIterator[Updating]:
    host = await installed(tmp_path)
    await host.appliance.confirm()
    signer = await bundle.authority(tmp_path / "authority")
    with attached(host, "root-a") as first, attached(host, "root-b") as second:
        about = {"disks": [str(path) for path in host.paths], "running": "1a", "why": "current", "files": str(host.files)}
        (tmp_path / "appliance.json").write_text(json.dumps({**about, "var": str(tmp_path / "var")}))
        bus = tmp_path / "bus"
        environment = {
            **os.environ,
            "RACKLESS_APPLIANCE": str(tmp_path / "appliance.json"),
            "PYTHONPATH": str(SOURCES),
            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bus}",
        }
        (tmp_path / "bus.conf").write_text(BUS.format(path=bus))
        text = (root.FILES / "rootfs/etc/rauc/system.conf").read_text()
        for old, new in {
            "/dev/disk/by-partlabel/rl1-root-a": first,
            "/dev/disk/by-partlabel/rl1-root-b": second,
            "/etc/rauc/ca.pem": str(signer.certificate),
            "/usr/lib/rackless/bin/": f"{tmp_path}/bin-",
            "/var/lib/rackless-vmhost/": f"{tmp_path}/",
            "bundle-formats=verity": f"bundle-formats={FORM}",
            "/run/rauc": f"{tmp_path}/mounts",
        }.items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "system.conf").write_text(text)
        (tmp_path / "mounts").mkdir()
        for name, module in (("boot-backend", "backend"), ("before-install", "checking")):
            (tmp_path / f"bin-{name}").write_text(f'#!/bin/sh\nexec {sys.executable} -m rackless.vmhost.linux.{module} "$@"\n')
            (tmp_path / f"bin-{name}").chmod(0o755)
        daemon = subprocess.Popen(["dbus-daemon", f"--config-file={tmp_path}/bus.conf", "--nofork"])
        found = Updating(host, signer, tmp_path, environment, daemon, (first, second))
        try:
            found.start()
            yield found
            found.cut()
        finally:
            daemon.terminate()
            daemon.wait()


async def test_a_bundle_goes_into_the_other_set_and_is_current_on_trial(updating: Updating) -> None:
    file = await make(updating.folder, updating.signer, "1.1", disk=b"guest of 1.1")
    running = updating.host.root(1, "a")
    process = updating.install(file)
    out, _ = process.communicate(timeout=200)
    assert process.returncode == 0, out.decode() + (updating.folder / "rauc.log").read_text()
    state = await updating.host.appliance.state()
    assert (state.current, state.slots["b"], state.left["b"]) == ("b", Slot.TRIAL, 3)
    seal, bad = sets.check(updating.host.disk(1), "b")
    assert seal is not None
    assert (seal.version, bad) == ("1.1", ())
    assert updating.host.root(1, "a") == running
    async with mounted(updating.host.disk(1), "vm", options="ro,noload") as vm:
        assert (vm / "sets/b/disk").read_bytes() == b"guest of 1.1"
        assert (vm / "sets/a/disk").read_bytes() != b"guest of 1.1"
    await updating.host.boot("1b", "trial")
    assert (await updating.host.appliance.confirm()).slots == {"a": Slot.GOOD, "b": Slot.GOOD}
    assert (await updating.host.appliance.roll_back()).current == "a"


async def test_bundles_that_are_not_for_this_host_are_refused_with_the_reason_and_change_nothing(
    updating: Updating, tmp_path: Path
) -> None:
    host, keyring = updating.host, updating.signer.certificate
    good = await make(tmp_path, updating.signer, "1.1")
    before = host.root(1, "a"), host.root(1, "b"), bootloader.read_state(host.disk(1))
    stranger = await make(tmp_path, await bundle.authority(tmp_path / "stranger"), "1.2")
    elsewhere = await make(tmp_path, updating.signer, "1.3", platform="other-machine")
    truncated, changed, unsigned = tmp_path / "truncated.raucb", tmp_path / "changed.raucb", tmp_path / "unsigned.raucb"
    truncated.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    data = bytearray(good.read_bytes())
    data[len(data) - 200] ^= 1
    changed.write_bytes(data)
    unsigned.write_bytes(os.urandom(100_000))
    refused = {
        stranger: "not signed by an authority that this host trusts",
        elsewhere: "it is for other-machine, and this host is rackless-vmhost-amd64",
        truncated: "not whole|not signed",
        changed: "not signed by an authority that this host trusts, or was changed",
        unsigned: "not whole|not signed",
    }
    for file, words in refused.items():
        with pytest.raises(InputError, match=words):
            await rauc.check(file, keyring=keyring)
        process = updating.install(file)
        process.communicate(timeout=200)
        assert process.returncode, f"{file} was installed by RAUC itself"
    (tmp_path / "var/lib/rackless-vmhost").mkdir(parents=True)
    (tmp_path / "var/lib/rackless-vmhost/least-version").write_text("1.10\n")
    with pytest.raises(InputError, match=r"its version 1\.1 is older than 1\.10"):
        await rauc.check(good, keyring=keyring, least=await host.appliance.least_version())
    process = updating.install(good)
    out, _ = process.communicate(timeout=200)
    assert process.returncode, out.decode()
    assert before == (host.root(1, "a"), host.root(1, "b"), bootloader.read_state(host.disk(1)))
    assert (await rauc.check(good, keyring=keyring))["version"] == "1.1"


async def test_a_guest_image_that_is_not_as_its_manifest_says_makes_no_set(updating: Updating, tmp_path: Path) -> None:
    work = tmp_path / "bad"
    work.mkdir()
    sealed(work / "root.img", "2.0")
    guest = guest_image(work / "guest", disk=b"as signed")
    (guest / "disk").write_bytes(b"as damage")
    with pytest.raises(InputError, match=r"The guest image in .* is damaged: disk has another checksum"):
        await bundle.make(work / "root.img", guest, updating.signer, work / "set.raucb", work)


@pytest.mark.timeout(900)
async def test_power_fails_at_twenty_moments_of_writing_and_the_running_set_is_what_boots(updating: Updating) -> None:
    file = await make(updating.folder, updating.signer, "1.1", disk=os.urandom(4 << 20))
    host = updating.host
    running = host.root(1, "a")
    started = time.monotonic()
    updating.install(file).communicate(timeout=300)
    whole = time.monotonic() - started
    noise, cut_off = random.Random(20), 0
    for _ in range(20):
        await host.appliance.change(lambda state: replace(state, current="a", slots={**state.slots, "a": Slot.GOOD}))
        process = updating.install(file)
        time.sleep(noise.uniform(0, whole))
        updating.cut()
        process.wait(60)
        state = await host.appliance.state()
        (name, why), *_ = state.order()
        assert (name, why) in (("1a", "current"), ("1b", "trial"))
        if name == "1a":
            cut_off += 1
        else:
            seal, bad = sets.check(host.disk(1), "b")
            assert seal is not None, "only a whole set is current"
            assert not bad
            async with mounted(host.disk(1), "vm") as vm:
                assert sets.check_guest(vm / "sets/b") == ""
        assert host.root(1, "a") == running
        assert bootloader.boot_sound(host.disk(1), host.files)
        await host.appliance.change(lambda state: replace(state, current="a", slots={"a": Slot.GOOD, "b": Slot.EMPTY}))
        updating.start()
    assert cut_off, "no moment was before the end"
    out, _ = updating.install(file).communicate(timeout=300)
    assert (await host.appliance.state()).current == "b", out.decode()
