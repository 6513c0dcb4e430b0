"""Editions of the appliance: what each has in it, and that what it starts is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rackless.appliance import editions
from rackless.images.tree import read_list
from rackless.model.errors import InputError
from rackless.vmhost.linux import sets

FABRIC = editions.find("fabric")
BROUGHT = {
    *("ssh.service", "chrony.service", "rackless.service", "rackless-fabric-node.service", "rackless-vmhost.service"),
    *(
        "etcd.service",
        "postgresql.service",
        "haproxy.service",
        "keepalived.service",
        "getty@tty1.service",
        "serial-getty@ttyS0.service",
    ),
}
"""By Debian's packages and ours."""


def test_an_edition_has_everything_that_a_vm_host_has_and_more() -> None:
    host, fabric = editions.find("vmhost").listed("packages"), FABRIC.listed("packages")
    assert set(host) < set(fabric)
    assert {"postgresql", "etcd-server", "haproxy", "keepalived", "chrony", "openssh-server", "btrfs-progs"} <= set(fabric)
    assert "!/lib/modules/*/kernel/fs/btrfs/*" in FABRIC.listed("left-out")
    # The last that fits counts: what is left out for all is not left out here.
    listed = FABRIC.listed("left-out")
    assert listed.index("/lib/modules/*/kernel/fs/btrfs/*") < listed.index("!/lib/modules/*/kernel/fs/btrfs/*")


def test_an_edition_that_is_not_there_and_a_package_that_is_lacking_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no edition 'desktop'"):
        editions.find("desktop")
    with pytest.raises(InputError, match="as its Debian package"):
        editions.check_package(FABRIC, None)
    with pytest.raises(InputError, match="takes no package"):
        editions.check_package(editions.find("vmhost"), tmp_path)
    with pytest.raises(InputError, match="begins neither"):
        editions.units(["ssh.service"])


def test_every_unit_that_is_started_or_changed_is_there() -> None:
    assert FABRIC.more is not None
    own = FABRIC.more / "rootfs/etc/systemd/system"
    started, never = editions.units(read_list(FABRIC.more / "units"))
    there = {path.name for path in own.glob("*.service")} | BROUGHT
    for unit in (*started, *never):
        assert unit in there or f"{unit.partition('@')[0]}@.service" in there, unit
    assert {path.name.removesuffix(".d") for path in own.glob("*.d")} <= there


def test_units_of_ours_call_programs_that_are_there() -> None:
    assert FABRIC.more is not None
    rootfs = FABRIC.more / "rootfs"
    for unit in (rootfs / "etc/systemd/system").rglob("*"):
        if unit.is_file():
            for program in re.findall(r"^Exec\w+=(/usr/lib/rackless/\S+)", unit.read_text(), re.M):
                assert (rootfs / program[1:]).stat().st_mode & 0o111, program


def test_nothing_that_can_be_logged_in_to_starts_before_a_password_is_set() -> None:
    assert FABRIC.more is not None
    own = FABRIC.more / "rootfs/etc/systemd/system"
    for unit, condition in (("ssh", "set-up"), ("rackless", "single"), ("rackless-fabric-node", "member")):
        text = (own / f"{unit}.service.d/appliance.conf").read_text()
        assert f"ConditionPathExists=/run/rackless-appliance/{condition}\n" in text


def test_files_are_laid_over_with_their_right_to_be_run(tmp_path: Path) -> None:
    source, root = tmp_path / "source", tmp_path / "root"
    (source / "usr/bin").mkdir(parents=True)
    (source / "usr/bin/program").write_text("#!/bin/sh\n")
    (source / "usr/bin/program").chmod(0o700)
    (source / "usr/text").write_text("new")
    (root / "usr").mkdir(parents=True)
    (root / "usr/text").write_text("old")
    editions.lay_over(source, root)
    assert (root / "usr/bin/program").stat().st_mode & 0o777 == 0o755
    assert ((root / "usr/text").read_text(), (root / "usr/text").stat().st_mode & 0o777) == ("new", 0o644)


def test_in_place_of_a_guest_a_marker_says_that_the_set_is_healthy(tmp_path: Path) -> None:
    folder = editions.marker(tmp_path / "guest")
    assert sets.check_guest(folder) == ""
    assert (folder / "marker").read_text() == "healthy"
