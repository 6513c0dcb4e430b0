"""When a guest counts as silent or late, by whose clock."""

from __future__ import annotations

from rackless.model.vmhost import GuestState, Reason
from rackless.vmhost.actions import ResetGuest, StopGuest
from rackless.vmhost.facts import Guest, Host, Loader
from rackless.vmhost.health import Look, Memory, Patience, Verdict, decide
from rackless.vmhost.world import Sign

GUEST = Guest(name="vrouter")
PATIENCE = Patience()


def looked(memory: Memory, now: float, answers: bool) -> Verdict:
    host = Host(booted=None, loader=Loader(), disks=(), sets=(), guests=(GUEST,))
    return decide(Look(now=now, host=host, guest=GUEST, sign=Sign(running=True, answers=answers, image="a")), memory, PATIENCE)


def watching(memory: Memory, begin: float, seconds: float, answers: bool) -> Verdict:
    verdict = looked(memory, begin, answers)
    now = begin
    while now < begin + seconds and not verdict.actions:
        now += 9
        verdict = looked(verdict.memory, now, answers)
    return verdict


def test_a_guest_that_does_not_answer_while_it_is_watched_is_reset() -> None:
    up = watching(Memory(state=GuestState.STARTING), 1000, 40, answers=True).memory
    assert up.state is GuestState.RUNNING
    silent = watching(up, 1050, PATIENCE.silent + 20, answers=False)
    assert silent.actions == (ResetGuest(guest="vrouter"),)
    assert silent.boot is not None
    assert silent.boot[0] is Reason.GUEST_WATCHDOG


def test_what_the_agent_did_not_see_is_no_silence() -> None:
    up = watching(Memory(state=GuestState.STARTING), 1000, 40, answers=True).memory
    # Nothing on this machine ran for ten minutes; the guest needs a moment, too.
    late = watching(up, 1650, PATIENCE.silent / 2, answers=False)
    assert not late.actions
    assert looked(late.memory, 1710, answers=True).memory.state is GuestState.RUNNING
    assert watching(up, 1650, PATIENCE.silent + 20, answers=False).actions == (ResetGuest(guest="vrouter"),)


def test_a_guest_that_starts_has_all_its_time_though_the_agent_had_none() -> None:
    starting = watching(Memory(state=GuestState.STARTING, since=1000), 1000, 50, answers=False).memory
    late = watching(starting, 1000 + 2 * PATIENCE.start, 100, answers=False)
    assert not late.actions
    assert watching(late.memory, 2400, PATIENCE.start, answers=False).actions == (StopGuest(guest="vrouter", orderly=False),)
