"""What a VM host boots next, and the forms in which disks keep it: decided and packed without a disk."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackless.model.errors import InputError, StateError
from rackless.vmhost import boot, bootstate, gpt, grubscript, layouts, setimage
from rackless.vmhost import facts as facts_of
from rackless.vmhost.bootstate import BootState, Slot
from rackless.vmhost.linux import below
from rackless.vmhost.repairs import DiskFacts, Facts, Repair, Verb, next_repairs

UPGRADED = BootState().activated("a").confirmed("1a").written("b").activated("b")


@pytest.mark.parametrize(
    ("size", "name"),
    [
        (4, "smallest"),
        (4.9, "smallest"),
        (5, "disk-5"),
        (49.9, "disk-5"),
        (50, "disk-50"),
        (64, "disk-64"),
        (100, "disk-100"),
        (200, "disk-200"),
        (960, "disk-200"),
    ],
)
def test_a_disk_takes_the_largest_layout_that_fits(size: float, name: str) -> None:
    assert layouts.choose(int(size * 10**9), layouts.known()).name == name


def test_a_smaller_disk_than_the_smallest_is_refused_with_both_sizes() -> None:
    with pytest.raises(InputError, match=r"The disk has 3\.9 GB, and a VM host needs at least 4 GB"):
        layouts.choose(3_900_000_000, layouts.known())


@pytest.mark.parametrize("layout", layouts.known(), ids=lambda layout: layout.name)
def test_partitions_of_every_layout_follow_each_other_within_the_disk(layout: layouts.Layout) -> None:
    parts = layout.partitions(layout.least)
    for before, after in itertools.pairwise(parts):
        assert before.start + before.size == after.start
    assert parts[-1].start + parts[-1].size <= layout.least - layouts.LAST
    assert all(part.start % layouts.MEBIBYTE == 0 and part.size > 0 for part in parts)
    assert dict((part.name, part.size) for part in parts)["vm"] > layout.guest_storage


@pytest.mark.skipif(shutil.which("sfdisk", path="/usr/sbin:/sbin") is None, reason="sfdisk is not here")
def test_the_table_that_sfdisk_writes_is_read_and_made_anew_from_either_copy(tmp_path: Path) -> None:
    disk, size = tmp_path / "disk", 4 * 10**9
    with disk.open("wb") as file:
        file.truncate(size)
    layout = layouts.choose(size, layouts.known())
    text = layouts.table(layout, size, 1, "disk one")
    subprocess.run(["/usr/sbin/sfdisk", "-q", disk], input=text.encode(), check=True)
    with disk.open("rb") as file:

        def read(at: int, count: int) -> bytes:
            file.seek(at)
            return file.read(count)

        table = gpt.read(read, size)
        assert table.whole
        assert table.primary is not None
        names = [entry.name for entry in table.primary.partitions()]
        assert names == ["rl1-bios", "rl1-boot", "rl1-root-a", "rl1-root-b", "rl1-vm", "rl1-var"]
        for at, data in gpt.write(table.primary, size)[:2]:
            assert read(at, len(data)) == data, "as sfdisk wrote it, to the byte"
    with disk.open("r+b") as file:
        file.seek(512)
        file.write(bytes(4096))
    with disk.open("rb") as file:
        damaged = gpt.read(lambda at, count: (file.seek(at), file.read(count))[1], size)
        assert (damaged.primary, damaged.best, damaged.whole) == (None, table.primary, False)


def test_a_new_set_is_tried_before_the_snapshot_and_that_before_the_alternate_set() -> None:
    state = UPGRADED.snapshot_taken("a")
    assert [name for name, _ in state.order()][:3] == ["1b", "2a", "1a"]
    assert state.order()[0] == ("1b", "trial")


def test_only_sets_on_trial_lose_attempts_and_a_spent_one_is_not_booted() -> None:
    spent = replace(UPGRADED, left={"a": 0, "b": 0})
    assert spent.order()[0] == ("1a", "alternate")
    confirmed = UPGRADED.confirmed("1b")
    assert confirmed.left == {"a": 0, "b": 0}
    assert confirmed.order()[0] == ("1b", "current")


def test_a_set_that_fell_back_becomes_current_when_its_guest_is_healthy() -> None:
    state = UPGRADED.failed("1b").confirmed("1a")
    assert (state.current, state.slots) == ("a", {"a": Slot.GOOD, "b": Slot.BAD})
    with pytest.raises(StateError, match="was given up"):
        state.rolled_back()


def test_rolling_back_twice_is_where_one_began() -> None:
    state = UPGRADED.confirmed("1b")
    assert state.rolled_back().current == "a"
    assert state.rolled_back().rolled_back() == state


def test_nothing_fit_still_boots_something() -> None:
    state = BootState(current="b")
    assert [why for _, why in state.order()] == ["last-resort", "last-resort"]


def test_the_current_set_is_never_written_over() -> None:
    with pytest.raises(StateError, match="Set b is current"):
        UPGRADED.written("b")


states = st.builds(
    BootState,
    current=st.sampled_from("ab"),
    slots=st.fixed_dictionaries({"a": st.sampled_from(Slot), "b": st.sampled_from(Slot)}),
    left=st.fixed_dictionaries({"a": st.integers(0, 3), "b": st.integers(0, 3)}),
    snapshot=st.sampled_from(["", "a", "b"]),
    snapshot_bad=st.booleans(),
    once=st.sampled_from(["", "1a", "2b"]),
    repairs=st.integers(0, 9),
    recovery=st.booleans(),
)


@given(states)
def test_a_state_is_read_as_it_was_written(state: BootState) -> None:
    block = bootstate.pack(state)
    assert len(block) == bootstate.SIZE
    assert bootstate.unpack(block) == state


@given(states, st.integers(0, 400), st.integers(1, 600))
def test_a_cut_block_is_never_taken_for_another_state(state: BootState, at: int, count: int) -> None:
    block = bootstate.pack(state)
    cut = block[:at] + bytes(min(count, len(block) - at)) + block[at + count :]
    assert bootstate.unpack(cut) in (None, state)


@pytest.mark.skipif(shutil.which("grub-script-check") is None, reason="grub-common is not here")
@pytest.mark.parametrize("script", [grubscript.script(), grubscript.install_script("rackless.install=disks")])
def test_grub_takes_the_scripts(tmp_path: Path, script: str) -> None:
    file = tmp_path / "grub.cfg"
    file.write_text(script)
    subprocess.run(["grub-script-check", file], check=True)


def image(chunks: int) -> tuple[bytearray, setimage.Seal]:
    data = b"".join(bytes([number]) * setimage.CHUNK for number in range(1, chunks + 1))
    sums = tuple(setimage.checksum(data[at : at + setimage.CHUNK]) for at in range(0, len(data), setimage.CHUNK))
    seal = setimage.Seal(version="1.2", platform="p", built=7, chunks=sums)
    return bytearray(data + setimage.pack(seal)), seal


@given(st.lists(st.integers(0, 4 * setimage.CHUNK - 1), max_size=4))
def test_damage_is_known_to_the_mebibyte_and_the_seal_found_while_one_of_the_two_is_whole(places: list[int]) -> None:
    data, seal = image(3)
    for place in places:
        data[place] ^= 0xFF

    def read(at: int, count: int) -> bytes:
        return bytes(data[at : at + count])

    found = setimage.find_seal(read, len(data))
    if found is not None:
        assert found == seal
        flipped = {place for place in places if places.count(place) % 2}
        assert set(setimage.damaged(read, seal)) == {place // setimage.CHUNK for place in flipped}
    else:
        used = range(len(setimage.pack(seal).split(b"\0", 1)[0]))
        assert {(place - 3 * setimage.CHUNK) // setimage.SECOND for place in places} >= {0, 1}, used


@pytest.mark.parametrize(
    ("version", "least", "fits"), [("1.10", "1.9", True), ("1.9", "1.10", False), ("2.0", "2.0", True), ("2.0-rc1", "2.0", True)]
)
def test_versions_are_compared_number_by_number(version: str, least: str, fits: bool) -> None:
    assert setimage.newer_or_equal(version, least) is fits


def facts(primary: DiskFacts, *, running: str = "1a", why: str = "current", **more: object) -> Facts:
    state = replace(BootState().activated("a").confirmed("1a").snapshot_taken("a"), **more)  # type: ignore[arg-type]
    return Facts(running=running, why=why, state=state, disks={1: primary, 2: DiskFacts()})


def test_a_lost_table_comes_first_and_nothing_else_is_done_before_it() -> None:
    found = next_repairs(facts(DiskFacts(table="gone", saved=True, bios=False, boot=False), running="2a", why="snapshot"))
    assert found == (Repair(verb=Verb.TABLE_FROM_SAVED, disk=1),)


def test_a_disk_without_a_table_that_nobody_knows_is_left_alone() -> None:
    assert next_repairs(facts(DiskFacts(table="gone"), running="2a", why="snapshot")) == ()


def test_a_root_that_no_copy_mends_is_given_up_and_not_run() -> None:
    found = next_repairs(facts(DiskFacts(roots={"a": "unmendable"})))
    assert found == (Repair(verb=Verb.GIVE_UP, disk=1, part="root-a"),)


def test_a_mended_current_set_is_started_again_only_so_often() -> None:
    whole = DiskFacts(roots={"a": "whole"})
    assert [repair.verb for repair in next_repairs(facts(whole, running="2a", why="snapshot"))] == [Verb.RESTART]
    assert next_repairs(facts(whole, running="2a", why="snapshot", repairs=2)) == ()


def test_without_auto_recovery_nothing_is_repaired_and_a_damaged_root_still_not_run() -> None:
    damaged = DiskFacts(boot=False, roots={"a": "damaged"}, systems={"var": "unsound"})
    assert [repair.verb for repair in next_repairs(facts(damaged, recovery=False))] == [Verb.GIVE_UP]


def test_a_file_system_is_made_anew_only_after_a_check_did_not_help() -> None:
    unsound = facts(DiskFacts(systems={"var": "unsound"}))
    assert [repair.verb for repair in next_repairs(unsound)] == [Verb.CHECK]
    again = replace(unsound, failed=frozenset({Repair(verb=Verb.CHECK, disk=1, part="var")}))
    assert [repair.verb for repair in next_repairs(again)] == [Verb.REMAKE]


@given(states)
def test_what_the_agent_writes_back_unchanged_changes_nothing(state: BootState) -> None:
    fitting = replace(
        state,
        left={slot: state.left[slot] if state.slots[slot] is Slot.TRIAL else 0 for slot in "ab"},
        once=f"2{state.snapshot}" if state.once.startswith("2") and state.snapshot else state.once if state.once == "1a" else "",
        snapshot_bad=state.snapshot_bad and bool(state.snapshot),
    )
    assert below.state_of(below.loader_of(fitting), fitting) == fitting


@given(states)
def test_agent_and_grub_take_the_same_set(state: BootState) -> None:
    """The agent's `boot.entry` and GRUB's script are one decision: compared by the script's twin, `BootState.order`."""
    fitting = replace(state, once="", left={slot: state.left[slot] if state.slots[slot] is Slot.TRIAL else 0 for slot in "ab"})
    there = [facts_of.SoftwareSet(slot=facts_of.Slot(slot), version="1") for slot in "ab" if state.slots[slot] is not Slot.EMPTY]
    if state.snapshot:
        there.append(facts_of.SoftwareSet(slot=facts_of.Slot.SNAPSHOT, version="1"))
    slot, _ = boot.entry(below.loader_of(fitting), tuple(there))
    name, why = next(
        (name, why) for name, why in fitting.order() if below.slot_of(name) in {each.slot for each in there} or not there
    )
    alternate_on_trial = fitting.slots[fitting.alternate] is Slot.TRIAL and fitting.left[fitting.alternate] > 0
    if why != "last-resort" and not alternate_on_trial:
        assert slot is below.slot_of(name)
