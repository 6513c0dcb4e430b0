"""What a plan asks of a place that the place can't do, found out of data alone: before anything is made."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from rackless.model.errors import Problem
from rackless.model.family import NicRole
from rackless.model.plan import Plan
from rackless.providers.contract import ProviderInfo

LEAST_WIRE = 1500
"""Octets of IP in a frame of Ethernet (RFC 894)."""


def lacking(plan: Plan, info: ProviderInfo) -> tuple[Problem, ...]:
    """`plan`: what is at the place of `info`, and no more."""
    return (*_nics(plan, info), *_mtus(plan, info), *_descriptions(plan, info), *_addresses(plan, info))


def _nics(plan: Plan, info: ProviderInfo) -> Iterator[Problem]:
    most = info.most_nics
    for spec in plan.machines:
        if most is not None and len(spec.nics) > most:
            ports = len(spec.nics) - most
            yield Problem(
                message=f"{spec.name} has {len(spec.nics)} NICs, and a machine has at most {most} there.",
                hint=f"Give {spec.owner} {ports} port{'s' if ports > 1 else ''} a card less, or another place.",
            )


def _mtus(plan: Plan, info: ProviderInfo) -> Iterator[Problem]:
    """Wires are as wide as the place lets them be, but not under an Ethernet; what runs inside a router is as wide as its
    guests expect."""
    most = info.segment_most_mtu
    if most is not None and most < LEAST_WIRE and any(segment.kind == "wire" for segment in plan.segments):
        yield Problem(
            message=f"Wires carry packets of {most} octets there, and whatever is at an Ethernet expects {LEAST_WIRE} of it.",
            hint="Ask the cloud's administrator for a greater MTU of its networks, or use another place.",
        )
    for segment in plan.segments:
        if most is not None and segment.kind == "internal" and segment.mtu > most:
            yield Problem(
                message=f"{segment.name} has to carry packets of {segment.mtu} octets, and a segment carries {most} there.",
                hint="Ask the cloud's administrator for a greater MTU of its networks, or use another place.",
            )


def _descriptions(plan: Plan, info: ProviderInfo) -> Iterator[Problem]:
    """Guests that know by their machine's description what they are. Where one of a router reads metadata, that stands for it."""
    if info.smbios:
        return
    told = {spec.owner for spec in plan.machines if spec.metadata}
    for spec in plan.machines:
        if spec.smbios and spec.owner not in told:
            fields = ", ".join(f"{key} {value}" for key, value in spec.smbios)
            yield Problem(
                message=f"{spec.name} ({spec.family}) knows what it is by the description of its machine (SMBIOS: {fields}), "
                "and none can be given there.",
                hint="Use a place of this machine's kind for it.",
            )


def _addresses(plan: Plan, info: ProviderInfo) -> Iterator[Problem]:
    """Of fxp0: what is not this machine's network, or forwarded ports, is up to the place."""
    for spec in plan.machines if not info.management_ipv6 else ():
        nic = next((nic for nic in spec.nics if nic.role is NicRole.MANAGEMENT and nic.address), None)
        if nic is not None and nic.address is not None and ipaddress.ip_interface(nic.address).version == 6:
            yield Problem(
                message=f"{spec.owner} asks for the fxp0 address {nic.address}, and management addresses are of IPv4 there.",
                hint="Write an IPv4 address or `fxp0: dhcp`, or use a cloud whose management network has IPv6.",
            )
