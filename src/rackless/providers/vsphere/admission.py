"""What would stop a plan at a vCenter, found before anything is made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pyVmomi import vim

from rackless.model.errors import Problem, RacklessError
from rackless.model.places import VspherePlace
from rackless.model.plan import Plan
from rackless.providers.vsphere import cloning, hardware, marks, properties
from rackless.providers.vsphere.cloning import Sources
from rackless.providers.vsphere.inventory import Inventory

LEAST_MTU = 1500
"""Octets that the internal network of a vendor's router needs whole; below, cards are silently not found."""


FEATURES = {
    "ssse3": "cpuid.SSSE3",
    "sse4_1": "cpuid.SSE41",
    "sse4_2": "cpuid.SSE42",
    "aes": "cpuid.AES",
    "avx": "cpuid.AVX",
    "avx2": "cpuid.AVX2",
    "vmx": "cpuid.VMX",
    "svm": "cpuid.SVM",
}
"""What vCenter calls the flags of a processor (vSphere Web Services API, HostFeatureCapability)."""


async def problems(
    plan: Plan, place: VspherePlace, inventory: Inventory, sources: Sources, *, site: str, there: Collection[str]
) -> tuple[Problem, ...]:
    """`there`: disks that exist, whose images are no matter any more."""
    found = [*_machines(plan), *_segments(plan, place, site)]
    found += await _images(plan, sources, there)
    grounds = await inventory.grounds()
    if grounds.switch_mtu and grounds.switch_mtu < LEAST_MTU:
        found.append(
            Problem(
                message=f"The switch {place.switch} carries {grounds.switch_mtu} octets; routers need {LEAST_MTU}.",
                hint="Raise the MTU of the distributed switch, and of the physical switches between the hosts.",
            )
        )
    return (*found, *await _memory(plan, inventory), *await _processors(plan, place, inventory))


def _machines(plan: Plan) -> list[Problem]:
    found = []
    for machine in plan.machines:
        if len(machine.nics) > hardware.MOST_NICS:
            found.append(
                Problem(
                    message=f"Machine {machine.name} has {len(machine.nics)} NICs; a machine can have {hardware.MOST_NICS}.",
                    hint="Spread its wires over more cards.",
                )
            )
        if len(machine.disks) != 1:
            found.append(
                Problem(
                    message=f"Machine {machine.name} has {len(machine.disks)} disks; here it is a clone of one image.",
                    hint="Import an image that has them all.",
                )
            )
    return found


def _segments(plan: Plan, place: VspherePlace, site: str) -> list[Problem]:
    found = []
    if place.numbers is None and plan.segments:
        found.append(
            Problem(
                message=f"The place {place.name} has no VLANs to give.", hint="Give it `numbers`, as `100-199`, in the site file."
            )
        )
    for segment in plan.segments:
        name = marks.describe_group(site, segment.sandbox, segment.name)
        if not place.switch and len(name) > marks.NAME_MOST:
            found.append(
                Problem(
                    message=f"The port group {name} would have {len(name)} characters; it may have {marks.NAME_MOST}.",
                    hint="Give the lab or the router a shorter name, or use a distributed switch.",
                )
            )
    return found


async def _images(plan: Plan, sources: Sources, there: Collection[str]) -> list[Problem]:
    found = []
    for image in sorted(
        {cloning.image_of(disk) for machine in plan.machines for disk in machine.disks if disk.name not in there}
    ):
        try:
            await sources.check(image)
        except RacklessError as error:
            found.append(Problem(message=error.message, hint=error.hint))
    return found


async def _processors(plan: Plan, place: VspherePlace, inventory: Inventory) -> list[Problem]:
    """What guests need of a processor, which one host at least must have. A host that says nothing of itself may have it."""
    if not any(machine.cpu_flags or machine.nested for machine in plan.machines):
        return []
    hosts = [facts for _, facts in await inventory.processors()]
    found = []
    for machine in plan.machines:
        wanted = [flag for flag in machine.cpu_flags if flag in FEATURES]
        if hosts and not any(_has(facts, wanted) for facts in hosts):
            found.append(
                Problem(
                    message=f"{machine.owner} ({machine.family}) needs a processor with {', '.join(wanted)}, "
                    f"and no host of {place.cluster} has one.",
                    hint="Raise the cluster's EVC mode if its processors can more, or name another cluster in the site file.",
                )
            )
        if machine.nested and hosts and all(facts.get("capability.nestedHVSupported") is False for facts in hosts):
            found.append(
                Problem(
                    message=f"{machine.owner} ({machine.family}) runs machines itself, and no host of {place.cluster} "
                    "exposes virtualization to its guests.",
                    hint="Switch VT-x or AMD-V with nested paging on in the hosts' firmware, or name another cluster.",
                )
            )
    return found


def _has(facts: Mapping[str, Any], wanted: Collection[str]) -> bool:
    """What the cluster's EVC mode masks does not count."""
    said = facts.get("config.maskedFeatureCapability") or facts.get("config.featureCapability")
    if not said:
        return True
    values = {str(one.featureName): str(one.value) for one in said}
    return all(values.get(FEATURES[flag]) == "1" for flag in wanted)


async def _memory(plan: Plan, inventory: Inventory) -> list[Problem]:
    """Against what the hosts have in all: vCenter lets machines have more together than is there, but not more than that each."""
    cluster = (await inventory.grounds()).cluster
    said = await inventory.read(properties.of([cluster], vim.ComputeResource, "summary"))
    whole = int(said[0][1]["summary"].totalMemory) >> 20
    if whole and plan.memory > whole:
        return [
            Problem(
                message=f"The lab needs {plan.memory} MiB of memory; the hosts of the cluster have {whole}.",
                hint="Ask for less memory, or name a larger cluster in the site file.",
            )
        ]
    return []
