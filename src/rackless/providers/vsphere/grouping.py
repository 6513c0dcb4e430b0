"""Rules that keep the machines of one router on different hosts, as far as there are hosts."""

from __future__ import annotations

import asyncio
from typing import Any

from pyVmomi import vim

from rackless.model.plan import MachineSpec
from rackless.providers.vsphere import marks, properties
from rackless.providers.vsphere.inventory import Inventory
from rackless.providers.vsphere.session import Session
from rackless.providers.vsphere.tasks import Tasks

CHANGE = 120.0


class Rules:
    def __init__(self, session: Session, tasks: Tasks, inventory: Inventory, site: str) -> None:
        self._session, self._tasks, self._inventory, self._site = session, tasks, inventory, site
        self._changing = asyncio.Lock()
        """The cluster's configuration is one object: two changes at once would lose one."""

    async def part(self, spec: MachineSpec, machine: Any) -> None:
        """Keep it from the hosts of its router's other machines."""
        async with self._changing:
            name, rule = await self._rule(spec)
            members = list(rule.vm) if rule is not None else await self._others(spec, machine)
            if machine not in members:
                await self._set(name, rule, [*members, machine])

    async def _others(self, spec: MachineSpec, machine: Any) -> list[Any]:
        """The router's machines that are there already: a rule needs two, so that the first has none."""
        home = await self._inventory.home(spec.sandbox)
        wanted = ("name", "config.extraConfig")
        said = await self._session.read(properties.below(home, {vim.VirtualMachine: wanted}))
        specs = [(one, marks.read_machine(marks.option(facts.get("config.extraConfig"), marks.MACHINE))) for one, facts in said]
        return [one for one, other in specs if other is not None and other.owner == spec.owner and one != machine]

    async def leave(self, spec: MachineSpec, machine: Any) -> None:
        async with self._changing:
            name, rule = await self._rule(spec)
            if rule is not None and machine in rule.vm:
                await self._set(name, rule, [one for one in rule.vm if one != machine])

    async def _rule(self, spec: MachineSpec) -> tuple[str, Any]:
        cluster = (await self._inventory.grounds()).cluster
        name = marks.rule_name(self._site, spec.sandbox, spec.owner)
        ((_, said),) = await self._session.read(properties.of([cluster], vim.ClusterComputeResource, "configurationEx"))
        rules = getattr(said.get("configurationEx"), "rule", None) or ()
        return name, next((one for one in rules if one.name == name), None)

    async def _set(self, name: str, rule: Any, members: list[Any]) -> None:
        """Fewer than two make no rule: vCenter would call it invalid for ever."""
        cluster = (await self._inventory.grounds()).cluster
        kind = vim.cluster.RuleSpec
        if len(members) < 2 and rule is None:
            return
        if len(members) < 2:
            change = kind(operation="remove", removeKey=rule.key)
        else:
            info = vim.cluster.AntiAffinityRuleSpec(name=name, enabled=True, mandatory=False, userCreated=True, vm=members)
            if rule is not None:
                info.key = rule.key
            change = kind(operation="add" if rule is None else "edit", info=info)
        spec = vim.cluster.ConfigSpecEx(rulesSpec=[change])
        await self._tasks.run(
            cluster,
            "ReconfigureComputeResource_Task",
            spec=spec,
            modify=True,
            doing=f"keep {name} on different hosts",
            within=CHANGE,
        )
