"""What the agent does before it looks after guests: why the host came up, what is broken on its disks, what the loader should
say."""

from __future__ import annotations

from dataclasses import replace

from rackless.model.vmhost import Boot
from rackless.vmhost import boot, recovery
from rackless.vmhost.actions import WriteLoader, told
from rackless.vmhost.ledger import Ledger
from rackless.vmhost.reasons import of_host, remember

MOST_REPAIRS = 40
"""Of one start: more than there are things to repair."""


async def tell_reason(ledger: Ledger) -> None:
    world = ledger.world
    if ledger.record.host_boot == world.boot_id:
        world.log("agent: stopped => running (the host has been up all the time)")
        return
    evidence = await world.evidence()
    reason, why = of_host(replace(evidence, first=not ledger.record.host_boot))
    there = Boot(at=world.now(), reason=reason, detail=why)
    world.log(f"host: down => up ({reason}, {why})")
    await ledger.remember(lambda record: replace(record, host_boot=world.boot_id, boots=remember(record.boots, there)))


async def repair_disks(ledger: Ledger) -> None:
    tried: list[str] = []
    operation = ledger.record.operation
    writing = operation.slot if operation is not None else None
    for _ in range(MOST_REPAIRS):
        repair = recovery.storage(await ledger.world.look(), tried, writing)
        if repair is None:
            break
        tried.append(repair.found)
        await ledger.repair(repair)


async def settle_loader(ledger: Ledger) -> None:
    move = boot.settled(await ledger.world.look())
    if move is not None:
        await ledger.attempt(WriteLoader(loader=move.loader, why=move.why))
        await ledger.decided(move.why, told(move.loader))
