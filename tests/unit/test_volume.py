"""What is done next to grow a volume: each file system, each thing that it can stand on, and what is refused."""

from __future__ import annotations

import dataclasses

import pytest

from rackless.appliance import volume
from rackless.appliance.volume import Disk, Form, Piece, Volume

GIB = 1 << 30
NEW = Disk(path="/dev/sdc", size=40 * GIB, empty=True)


def btrfs(size: int = 40 * GIB, used: int = 40 * GIB, more: tuple[Piece, ...] = ()) -> Volume:
    first = Piece(path="/dev/sdb", disk="/dev/sdb", size=size, used=used, id="1")
    pieces = (first, *more)
    total = sum(piece.used for piece in pieces)
    return Volume(form=Form.BTRFS, mount="/data", device="/dev/sdb", size=total, carrier=total, pieces=pieces)


def plain(form: Form = Form.EXT4, *, room: int = 0, carrier: int = 10 * GIB, next: str = "") -> Volume:
    piece = Piece(path="/dev/sda2", disk="/dev/sda", size=carrier, used=carrier, number=2, room=room, next=next)
    return Volume(form=form, mount="/", device="/dev/sda2", size=10 * GIB, carrier=carrier, pieces=(piece,))


def group(**changed: object) -> Volume:
    piece = Piece(path="/dev/sda3", disk="/dev/sda", size=20 * GIB, used=20 * GIB, number=3)
    made = Volume(
        form=Form.EXT4,
        mount="/",
        device="/dev/mapper/vg-root",
        size=10 * GIB,
        carrier=10 * GIB,
        pieces=(piece,),
        group="vg",
        logical="root",
    )
    return dataclasses.replace(made, **changed)  # type: ignore[arg-type]


def words(made: Volume, *added: Disk) -> str:
    found = volume.step(made, added)
    return " ".join(found.words) if found else ""


def test_a_disk_that_was_enlarged_is_taken_to_its_end() -> None:
    assert words(btrfs(size=60 * GIB)) == "btrfs filesystem resize 1:max /data"
    assert words(btrfs()) == ""
    assert words(btrfs(size=40 * GIB + (1 << 20))) == ""


def test_disks_that_were_added_are_taken_after_those_that_were_enlarged() -> None:
    assert words(btrfs(size=60 * GIB), NEW) == "btrfs filesystem resize 1:max /data"
    assert words(btrfs(), NEW) == "btrfs device add /dev/sdc /data"
    taken = Piece(path="/dev/sdc", disk="/dev/sdc", size=40 * GIB, used=40 * GIB, id="2")
    assert words(btrfs(more=(taken,)), NEW) == ""


@pytest.mark.parametrize(("form", "last"), [(Form.EXT4, "resize2fs /dev/sda2"), (Form.XFS, "xfs_growfs /")])
def test_a_partition_grows_first_and_then_what_is_in_it(form: Form, last: str) -> None:
    assert words(plain(form, room=5 * GIB)) == "sfdisk --quiet --no-reread --force -N 2 /dev/sda"
    assert words(plain(form, carrier=15 * GIB)) == last
    assert words(plain(form)) == ""


def test_of_lvm_each_layer_grows_in_its_turn() -> None:
    (piece,) = group().pieces
    assert words(group(pieces=(dataclasses.replace(piece, room=5 * GIB),))) == "sfdisk --quiet --no-reread --force -N 3 /dev/sda"
    assert words(group(pieces=(dataclasses.replace(piece, size=25 * GIB),))) == "pvresize /dev/sda3"
    assert words(group(), NEW) == "vgextend --yes vg /dev/sdc"
    assert words(group(free=5 * GIB)) == "lvextend --extents +100%FREE vg/root"
    assert words(group(carrier=15 * GIB)) == "resize2fs /dev/mapper/vg-root"
    assert words(group()) == ""


def test_a_disk_that_is_not_empty_is_refused_and_one_that_cannot_be_joined_too() -> None:
    assert "would lose what is on it" in volume.refusal(btrfs(), [Disk(path="/dev/sdc", size=GIB)])
    assert "has one disk for good" in volume.refusal(plain(), [NEW])
    assert volume.refusal(btrfs(), [NEW, Disk(path="/dev/sdb", size=GIB)]) == ""
    assert volume.refusal(group(), [NEW]) == ""


def test_where_there_is_nothing_to_do_the_way_out_is_told() -> None:
    assert "behind partition 2 of /dev/sda lies /dev/sda3" in volume.remark(plain(next="/dev/sda3"), ())
    assert "can be added: /dev/sdc" in volume.remark(btrfs(), [NEW])
    assert "enlarge a virtual disk" in volume.remark(btrfs(), ())


def test_the_tables_of_a_new_volume_are_kept_twice() -> None:
    assert volume.making([NEW]).words[-3:] == ("--metadata", "dup", "/dev/sdc")
    assert volume.making([NEW, Disk(path="/dev/sdd", size=GIB)]).words[-4:] == ("--metadata", "raid1", "/dev/sdc", "/dev/sdd")
