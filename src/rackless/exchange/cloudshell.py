"""CloudShell's ApplyConnectivityChanges: requests read into steps on NICs, and the answer with one result for each action.

A request is `{"driverRequest": {"actions": [...]}}`, an answer `{"driverResponse": {"actionResults": [...]}}`; both as Quali's
cloudshell-shell-connectivity-flow 4.2.0 writes and reads them. A request of several actions is carried out one by one in
ascending order of `Vnic Name`, as the virtual L2 switch of the vMX orchestration sends them to a cloud provider.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rackless.model.errors import InputError, RacklessError
from rackless.model.family import NicRole
from rackless.model.plan import MachineSpec, NicSpec, Plan


class VlanVerb(StrEnum):
    SET = "setVlan"
    REMOVE = "removeVlan"


class VlanMode(StrEnum):
    ACCESS = "Access"
    TRUNK = "Trunk"


@dataclass(frozen=True, kw_only=True)
class Action:
    """One change of one NIC. `vnics`: as the request names them, "" for the first that is free; `uuid` and `target` name the
    machine; `interfaces`: MACs that an earlier setVlan answered, by which removeVlan finds the NICs. `vlan`: 450, or 120-130."""

    id: str
    verb: VlanVerb
    connection: str
    vlan: str
    mode: VlanMode
    uuid: str
    target: str
    vnics: tuple[str, ...]
    interfaces: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Done:
    """What became of an action: the MACs of its NICs and a sentence."""

    interfaces: tuple[str, ...]
    info: str


def actions(request: str | Mapping[str, Any]) -> tuple[Action, ...]:
    """The actions of a request, in the order in which they are to be carried out.

    Raises:
        InputError: it is no such request.
    """
    try:
        value = json.loads(request) if isinstance(request, str) else request
        found = value["driverRequest"]["actions"]
        listed = [_action(raw) for raw in found]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"This is no ApplyConnectivityChanges request: {_what(error)}.",
            hint='It looks like {"driverRequest": {"actions": [...]}}.',
        ) from error
    return tuple(sorted(listed, key=_order))


async def apply(request: str | Mapping[str, Any], one: Callable[[Action], Awaitable[Done]]) -> dict[str, Any]:
    """The answer to a request; `one` carries a single action out. Its failure is that action's result and stops no other.

    Raises:
        InputError: it is no such request.
    """
    results = []
    for action in actions(request):
        try:
            done = await one(action)
        except RacklessError as error:
            reason = f"{error.message} {error.hint}".strip()
            results.append(_result(action, interface=",".join(action.interfaces), error=reason))
        else:
            results.append(_result(action, interface=",".join(done.interfaces), info=done.info))
    return {"driverResponse": {"actionResults": results}}


def machine_of(plan: Plan, action: Action, uuid: Callable[[str], str]) -> MachineSpec:
    """The machine that an action is about: by `VM_UUID` (`uuid` makes a machine's from its name), else by its target's name.

    Raises:
        InputError: there is none.
    """
    for machine in plan.machines:
        if action.uuid and uuid(machine.name) == action.uuid.lower():
            return machine
    for machine in plan.machines:
        if not action.uuid and machine.name == action.target.rpartition("/")[2]:
            return machine
    raise InputError(
        f"Lab {plan.sandbox} has no machine {action.uuid or action.target or '(none was named)'}.",
        hint="VM_UUID is the `uuid` of a card or host in `rackless show --all --json`; without it the target's name is taken.",
    )


def nics_of(machine: MachineSpec, action: Action, free: Callable[[NicSpec], bool]) -> tuple[NicSpec, ...]:
    """The NICs that an action is about.

    A name is the number of the network adapter as vSphere counts (1 is the machine's first), "Network adapter N", or the
    port's label (ge-0/0/3, ge-0-0-3); removeVlan goes by the MACs that setVlan answered, if the request has them.

    Raises:
        InputError: there is no such NIC, or it is none for wires.
    """
    traffic = [nic for nic in machine.nics if nic.role is NicRole.TRAFFIC]
    if action.verb is VlanVerb.REMOVE and action.interfaces:
        wanted = {mac.lower() for mac in action.interfaces}
        return tuple(nic for nic in traffic if nic.mac.lower() in wanted)
    if not any(action.vnics):
        first = next((nic for nic in traffic if free(nic)), None)
        if first is None:
            raise InputError(f"Machine {machine.name} has no free NIC.", hint="Remove a VLAN from one of its NICs first.")
        return (first,)
    return tuple(_nic(machine, traffic, name) for name in action.vnics)


def _nic(machine: MachineSpec, traffic: list[NicSpec], name: str) -> NicSpec:
    number = re.fullmatch(r"(?:network adapter )?(\d+)", name.strip(), re.IGNORECASE)
    for nic in traffic:
        if (number and nic.index + 1 == int(number[1])) or name in {nic.label, nic.label.replace("/", "-")}:
            return nic
    known = ", ".join(f"{nic.index + 1} ({nic.label})" for nic in traffic)
    raise InputError(f"Machine {machine.name} has no NIC {name!r} that takes wires.", hint=f"It has {known}.")


def _action(raw: Mapping[str, Any]) -> Action:
    parameters = raw.get("connectionParams") or {}
    custom = _attributes(raw.get("customActionAttributes"))
    vlan = str(parameters.get("vlanId") or _attributes(parameters.get("vlanServiceAttributes")).get("VLAN ID", ""))
    verb = VlanVerb(raw["type"])
    if verb is VlanVerb.SET and not vlan:
        raise ValueError(f"action {raw['actionId']} has no VLAN")
    target = raw.get("actionTarget") or {}
    return Action(
        id=str(raw["actionId"]),
        verb=verb,
        connection=str(raw.get("connectionId", "")),
        vlan=vlan,
        mode=VlanMode(parameters.get("mode") or VlanMode.ACCESS),
        uuid=custom.get("VM_UUID", ""),
        target=str(target.get("fullName") or target.get("fullAddress") or ""),
        vnics=_names(custom.get("Vnic Name", "")),
        interfaces=tuple(mac for mac in _names(_attributes(raw.get("connectorAttributes")).get("Interface", "")) if mac),
    )


def _attributes(raw: Any) -> dict[str, str]:
    return {str(item["attributeName"]): str(item.get("attributeValue") or "") for item in raw or ()}


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[,;]", text))


def _order(action: Action) -> tuple[list[int | str], ...]:
    """Numbers by their value, within and before words: 2, 10, ge-0/0/2, ge-0/0/10."""
    return tuple([int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)] for name in action.vnics[:1])


def _what(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _result(action: Action, *, interface: str, info: str = "", error: str = "") -> dict[str, Any]:
    return {
        "actionId": action.id,
        "type": action.verb.value,
        "updatedInterface": interface,
        "infoMessage": info,
        "errorMessage": error,
        "success": not error,
    }
