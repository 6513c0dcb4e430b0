"""Blueprint -> machines with their disks and NICs: names, MACs, labels. Addresses of fxp0 and eth0 are given in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rackless.model import naming
from rackless.model.blueprint import Blueprint, HostWish, RouterWish
from rackless.model.errors import DefectError, InputError
from rackless.model.family import Family, NicRole, Role, RoleFacts
from rackless.model.plan import DiskSpec, MachineSpec, NicSpec
from rackless.model.site import Site
from rackless.model.suggestions import did_you_mean

INTERNAL_PREFIX = 16
"""The internal network is 128.0.0.0/16 (docs/reference/internal-protocol.md)."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A machine before it has MACs and addresses: what it is and how many traffic NICs it has."""

    name: str
    owner: str
    family: Family
    role: Role
    memory: int | None
    ports: int
    slot: int | None = None
    at: str = ""
    """Where it is made, if not where the site makes what says nothing."""

    @property
    def facts(self) -> RoleFacts:
        return self.family.facts(self.role)


def family_of(site: Site, name: str, owner: str) -> Family:
    """Raises InputError when the site has no such family."""
    family = site.family(name)
    if family is None:
        hint = did_you_mean(name, (known.name for known in site.families), "families of this site")
        raise InputError(f"'{owner}' is of the family '{name}', which this site does not have.", hint=hint)
    return family


def place_of(site: Site, blueprint: Blueprint, wish: RouterWish | HostWish) -> str:
    """Where a router or host is to be: what it says itself, else the blueprint; "" for the site's own choice.

    Raises:
        InputError: there is no such place.
    """
    name = wish.place or blueprint.place
    if name and site.place(name) is None:
        hint = did_you_mean(name, (place.name for place in site.everywhere), "places of this site")
        raise InputError(f"'{wish.name}' is to be at the place '{name}', which this site does not have.", hint=hint)
    return "" if name == site.provider else name


def needs(wish: RouterWish | HostWish, site: Site) -> list[tuple[int, int]]:
    """MiB of memory and processors of each machine of a router or host, as its guest has them."""
    family = family_of(site, wish.family, wish.name)
    if isinstance(wish, HostWish):
        facts = family.facts(Role.HOST)
        return [(facts.default_memory if wish.memory is None else wish.memory, facts.vcpus)]
    facts = family.facts(Role.CONTROLLER)
    found = [(facts.default_memory if wish.controller_memory is None else wish.controller_memory, facts.vcpus)]
    if family.has_cards:
        facts = family.facts(Role.CARD)
        found += [(facts.default_memory if wish.card_memory is None else wish.card_memory, facts.vcpus)] * wish.cards
    return found


def places(blueprint: Blueprint, site: Site) -> Iterator[Place]:
    """Every machine in the plan's order: for each router its controller, then its cards; then the hosts."""
    for router in blueprint.routers:
        at = place_of(site, blueprint, router)
        family = family_of(site, router.family, router.name)
        yield Place(
            name=naming.controller(router.name),
            owner=router.name,
            family=family,
            role=Role.CONTROLLER,
            memory=router.controller_memory,
            ports=0 if family.has_cards else router.ports_per_card,
            at=at,
        )
        for slot in range(router.cards if family.has_cards else 0):
            yield Place(
                name=naming.card(router.name, slot),
                owner=router.name,
                family=family,
                role=Role.CARD,
                memory=router.card_memory,
                ports=router.ports_per_card,
                slot=slot,
                at=at,
            )
    for host in blueprint.hosts:
        yield Place(
            name=host.name,
            owner=host.name,
            family=family_of(site, host.family, host.name),
            role=Role.HOST,
            memory=host.memory,
            ports=host.nics,
            at=place_of(site, blueprint, host),
        )


def first_macs(sandbox: str, names: list[str], kept: Mapping[str, str]) -> dict[str, str]:
    """The MAC of NIC 0 of each machine, the others follow it: those in `kept`, else a hash of its name, or with #1, #2 .. added
    on a collision.

    Names are gone through in alphabetical order, so that the order of the file does not matter. A machine's MACs depend
    on another's only if the two collide (35 bits are hashed: about one in 10^7 for a hundred machines).
    """
    firsts = {name: kept[name] for name in names if name in kept}
    taken = set(kept.values())
    for name in sorted(name for name in names if name not in kept):
        first, tries = naming.mac(sandbox, name, 0), 0
        while first in taken:
            tries += 1
            first = naming.mac(sandbox, f"{name}#{tries}", 0)
        taken.add(first)
        firsts[name] = first
    return firsts


def machine(place: Place, sandbox: str, first_mac: str, management: Mapping[str, str]) -> MachineSpec:
    """`management` maps the names of controllers and hosts to their management address with prefix length."""
    facts = place.facts
    named = {"router": place.owner, "slot": "" if place.slot is None else str(place.slot)}
    image = facts.image.format_map(named)
    first = DiskSpec(sandbox=sandbox, name=naming.disk(place.name), image=image, place=place.at)
    more = tuple(
        DiskSpec(sandbox=sandbox, name=naming.disk(place.name, number), image=disk.image, bus=disk.bus, place=place.at)
        for number, disk in enumerate(facts.more_disks, start=1)
    )
    return MachineSpec(
        sandbox=sandbox,
        name=place.name,
        owner=place.owner,
        family=place.family.name,
        role=place.role,
        image=image,
        memory=place.memory if place.memory is not None else facts.default_memory,
        vcpus=facts.vcpus,
        disks=(first, *more),
        nics=tuple(_nics(place, first_mac, management)),
        slot=place.slot,
        nic_model=facts.nic_model,
        disk_bus=facts.disk_bus,
        metadata=tuple((key, value.format_map(named)) for key, value in facts.metadata),
        smbios=tuple((key, value.format_map(named)) for key, value in facts.smbios),
        serial=facts.serial,
        nested=facts.nested,
        cpu_flags=facts.cpu_flags,
        place=place.at,
    )


def _nics(place: Place, first_mac: str, management: Mapping[str, str]) -> Iterator[NicSpec]:
    facts = place.facts
    for index, (role, label) in enumerate(zip(facts.fixed_nics, facts.fixed_nic_names, strict=True)):
        inside = role is NicRole.INTERNAL
        yield NicSpec(
            index=index,
            role=role,
            mac=naming.mac_beside(first_mac, index),
            label=label,
            segment=naming.internal_segment(place.owner) if inside else None,
            address=_internal_address(place) if inside else management.get(place.name),
        )
    first = len(facts.fixed_nics)
    for port in range(place.ports):
        yield NicSpec(
            index=first + port,
            role=NicRole.TRAFFIC,
            mac=naming.mac_beside(first_mac, first + port),
            label=f"eth{port + 1}" if place.role is Role.HOST else naming.port_label(place.slot or 0, port),
        )


def _internal_address(place: Place) -> str:
    if place.role is Role.CONTROLLER:
        return f"{naming.CONTROLLER_ADDRESSES[0]}/{INTERNAL_PREFIX}"
    if place.slot is None:
        raise DefectError(f"Machine {place.name} has an internal NIC but is neither a controller nor a card.")
    return f"{naming.card_address(place.slot)}/{INTERNAL_PREFIX}"
