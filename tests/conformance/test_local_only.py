"""What only this machine's provider has: crashes between any two steps, sockets, console ports, left-overs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import specs  # type: ignore[import-not-found]  # beside this file, which is no package

from rackless.model.blueprint import Blueprint
from rackless.model.errors import ProviderError, StateError
from rackless.model.plan import MachineSpec, Plan
from rackless.providers.contract import Power, Ref, RefKind
from rackless.providers.local import machines, records
from rackless.providers.local.provider import LocalProvider
from rackless.qemu import disks, monitor, process
from rackless.qemu.command import TCG, arguments


def pair(console: int | None, forward: int) -> tuple[MachineSpec, MachineSpec]:
    vcp = specs.machine("lab", "west-vcp", console=console, forward=forward)
    return vcp, specs.machine("lab", "west-vfp0", number=1)


async def deploy(provider: LocalProvider, vcp: MachineSpec, vfp: MachineSpec) -> None:
    wire = specs.wire("lab", "wire-1", specs.port(vcp, 2), specs.port(vfp, 2))
    await provider.ensure(specs.internal("lab", "west"))
    await provider.ensure(wire)
    for spec in (vcp, vfp):
        await provider.ensure(spec.disks[0])
        await provider.power(await provider.ensure(spec), Power.ON)
    for port in wire.ports:
        await provider.attach(port, wire)


async def networks(provider: LocalProvider, *machines_: MachineSpec) -> list[str]:
    """What each monitor says is plugged in, and how it runs."""
    seen = []
    for spec in machines_:
        found = provider._machines.need_running(spec)
        async with provider._machines.talk(spec, found) as talk:
            text = await talk.execute("human-monitor-command", {"command-line": "info network"})
            ends = sorted(
                line.split(":")[0].strip() for line in text.splitlines() if " u" in line or " h" in line or "nic" in line
            )
            seen.append(f"{(await talk.execute('query-status'))['status']} {ends}")
    return seen


def die_at(count: int) -> None:
    """Arrange for this process to be killed at the count-th step, before or after it is done."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == count:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrap(owner, name: str) -> None:
        inner = getattr(owner, name)

        async def later(*words, **options):
            step()
            result = await inner(*words, **options)
            step()
            return result

        def now(*words, **options):
            step()
            result = inner(*words, **options)
            step()
            return result

        setattr(owner, name, later if asyncio.iscoroutinefunction(inner) else now)

    wrap(machines, "run")
    wrap(disks, "run")
    wrap(monitor.Monitor, "execute")
    wrap(records, "write_whole")
    wrap(process, "end")
    wrap(Path, "rename")
    wrap(Path, "unlink")


def in_child(act) -> bool:
    """Run in a forked process; True when it got to its end."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


@pytest.mark.timeout(300)
def test_killed_after_any_step_the_same_end_is_reached_and_taken_away(local) -> None:
    vcp, vfp = pair(local.free_port(), local.free_port())

    def clean() -> None:
        for ref in asyncio.run(local.provider().owned()):
            asyncio.run(local.provider().remove(ref))
        assert asyncio.run(local.provider().owned()) == ()
        assert list((local.settings().state / "labs").iterdir()) == []

    asyncio.run(deploy(local.provider(), vcp, vfp))
    wanted = asyncio.run(networks(local.provider(), vcp, vfp))
    owned = sorted(asyncio.run(local.provider().owned()))
    assert all("running" in each for each in wanted)
    clean()
    count, finished = 0, False
    while not finished:
        count += 5

        def die_while_deploying(at: int = count) -> None:
            die_at(at)
            asyncio.run(deploy(local.provider(), vcp, vfp))

        finished = in_child(die_while_deploying)
        asyncio.run(deploy(local.provider(), vcp, vfp))
        assert asyncio.run(networks(local.provider(), vcp, vfp)) == wanted, count
        assert sorted(asyncio.run(local.provider().owned())) == owned, count
        clean()
    assert count > 40


@pytest.mark.timeout(300)
def test_killed_while_tearing_down_the_rest_still_shows_and_goes(local) -> None:
    vcp, vfp = pair(local.free_port(), local.free_port())

    async def down() -> None:
        for ref in await local.provider().owned():
            await local.provider().remove(ref)

    count, finished = 0, False
    while not finished:
        count += 3
        asyncio.run(deploy(local.provider(), vcp, vfp))

        def die_while_removing(at: int = count) -> None:
            die_at(at)
            asyncio.run(down())

        finished = in_child(die_while_removing)
        asyncio.run(down())
        assert asyncio.run(local.provider().owned()) == ()
        assert list((local.settings().state / "labs").iterdir()) == []
    assert count > 6


async def test_a_console_port_that_lives_is_never_taken_over(local) -> None:
    console = local.free_port()
    vcp, _ = pair(console, local.free_port())
    other = replace(vcp, name="east-vcp", owner="east", nics=(), forwards=(), disks=(specs.disk("lab", "east-vcp"),))
    provider = local.provider()
    await provider.ensure(specs.internal("lab", "west"))
    refs = []
    for spec in (vcp, other):
        await provider.ensure(spec.disks[0])
        refs.append(await provider.ensure(spec))
    await provider.power(refs[0], Power.ON)
    with pytest.raises(ProviderError, match=f"Console port {console} of east-vcp is in use by west-vcp"):
        await provider.power(refs[1], Power.ON)
    stream = await provider.console(refs[0])
    await stream.close()
    assert [ref.running for ref in await provider.owned("lab") if ref.kind is RefKind.MACHINE] == [False, True]


async def test_a_console_answered_by_another_process_is_refused(local) -> None:
    vcp, vfp = pair(local.free_port(), local.free_port())
    provider = local.provider()
    await deploy(provider, vcp, vfp)
    ref = next(ref for ref in await provider.owned("lab") if ref.name == "west-vcp")
    path = Path(ref.endpoints["console"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.unlink()
    with socket.socket(socket.AF_UNIX) as thief:
        thief.bind(str(path))
        thief.listen()
        with pytest.raises(ProviderError, match=f"process {os.getpid()} answers"):
            await provider.console(ref)


async def test_a_console_has_one_reader_and_says_so(local) -> None:
    vcp, vfp = pair(local.free_port(), local.free_port())
    provider = local.provider()
    await deploy(provider, vcp, vfp)
    ref = next(ref for ref in await provider.owned("lab") if ref.name == "west-vcp")
    stream = await provider.console(ref)
    with pytest.raises(StateError, match="console of west-vcp is open elsewhere"):
        await local.provider().console(ref)
    await stream.close()
    await (await local.provider().console(ref)).close()


async def test_a_killed_machine_shows_as_stopped_and_gets_its_wires_back(local) -> None:
    vcp, vfp = pair(local.free_port(), local.free_port())
    provider = local.provider()
    await deploy(provider, vcp, vfp)
    before = await networks(provider, vcp, vfp)
    ref = next(ref for ref in await provider.owned("lab") if ref.name == "west-vfp0")
    found = provider._machines.need_running(vfp)
    os.kill(found.pid, signal.SIGKILL)
    await asyncio.wait_for(process.gone(found), 20)
    after = next(ref for ref in await local.provider().owned("lab") if ref.name == "west-vfp0")
    assert not after.running
    await local.provider().power(ref, Power.ON)
    assert await networks(local.provider(), vcp, vfp) == before


async def test_left_over_sockets_and_files_show_and_go(local) -> None:
    vcp, vfp = pair(local.free_port(), local.free_port())
    provider = local.provider()
    await deploy(provider, vcp, vfp)
    loose = provider._layout.sockets("lab") / "0123456789.gone"
    loose.touch()
    half = provider._layout.machine("lab", ".west-vcp.new")
    half.mkdir()
    refs = [ref for ref in await provider.owned("lab") if ref.kind is RefKind.FILE]
    assert {ref.name for ref in refs} == {str(loose), str(half)}
    for ref in refs:
        await provider.remove(ref)
    assert not loose.exists()
    assert not half.exists()


async def test_a_file_that_is_not_left_over_is_not_removed(local, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    with pytest.raises(ProviderError, match="mark"):
        await local.provider().remove(Ref(kind=RefKind.FILE, sandbox="lab", name=str(precious)))
    assert precious.exists()


async def test_check_names_every_problem_at_once(local) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        vcp, vfp = pair(None, taken.getsockname()[1])
        vfp = replace(vfp, image="missing", memory=1 << 30)
        plan = Plan(sandbox="lab", provider="local", blueprint=Blueprint(name="lab"), machines=(vcp, vfp), segments=(), wires=())
        problems = await local.provider().check(plan)
    text = "\n".join(map(str, problems))
    assert "There is no image missing" in text
    assert "MiB of memory" in text
    assert f"Port {vcp.forwards[0].host_port}/tcp for ssh of west-vcp is in use" in text
    assert all(problem.hint for problem in problems)
    assert await local.provider().owned() == ()


async def test_a_lab_that_runs_is_no_problem_to_itself(local) -> None:
    vcp, vfp = pair(local.free_port(), local.free_port())
    provider = local.provider()
    await deploy(provider, vcp, vfp)
    plan = Plan(sandbox="lab", provider="local", blueprint=Blueprint(name="lab"), machines=(vcp, vfp), segments=(), wires=())
    assert await local.provider().check(plan) == ()


async def test_qemus_reason_for_not_starting_is_told(local) -> None:
    vcp, _ = pair(local.free_port(), local.free_port())
    provider = local.provider()
    await provider.ensure(specs.internal("lab", "west"))
    await provider.ensure(vcp.disks[0])
    ref = await provider.ensure(vcp)
    provider._layout.disk("lab", "west-vcp-disk0").write_bytes(b"this is no qcow2 image")
    with pytest.raises(ProviderError, match=r"QEMU did not start west-vcp: .*qcow2"):
        await provider.power(ref, Power.ON)


async def test_a_start_that_a_killed_server_left_behind_is_taken_up(local) -> None:
    """Killed right after it began: QEMU is a process already, and listens only a moment later."""
    vcp, _ = pair(local.free_port(), local.free_port())
    provider = local.provider()
    await provider.ensure(specs.internal("lab", "west"))
    await provider.ensure(vcp.disks[0])
    ref = await provider.ensure(vcp)

    pid = os.fork()
    if pid == 0:
        layout, mark = provider._layout, provider._machines.mark("lab", vcp.name)
        layout.make_for(vcp)
        words = arguments(vcp, mark=mark, places=provider._machines._places(vcp), boot=records.Boot(), how=TCG)
        os.execvpe("qemu-system-x86_64", ["qemu-system-x86_64", *words], {**os.environ, process.VARIABLE: mark})
    async with asyncio.timeout(20):
        while process.find(provider._machines.mark("lab", vcp.name)) is None:
            await asyncio.sleep(0)
    await local.provider().power(ref, Power.ON)
    os.waitpid(pid, 0)
    assert "running" in (await networks(local.provider(), vcp))[0]
    assert len(process.every(provider._machines.mark("lab", vcp.name))) == 1
