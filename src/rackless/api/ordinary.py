"""What ordinary users see of a lab: a router is one chassis with cards and ports. Its cards' machines, its internal network, and
references to what is at the place (console ports, ids) are operators' matters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import Query

from rackless.api.lab import Lab
from rackless.model import naming
from rackless.model.errors import ForbiddenError, NotFoundError
from rackless.model.family import Role as MachineRole
from rackless.model.lifecycle import SandboxState
from rackless.model.people import Caller, Role
from rackless.planning import Summary
from rackless.store.machines import MachineRow

All = Annotated[
    bool | None,
    Query(alias="all", description="With what is for operators (machines of cards, internal networks); null: if you may see it"),
]


def sees_all(who: Caller, asked: bool | None) -> bool:
    """Raises ForbiddenError when it was asked for and is not for the caller."""
    if asked and not who.has(Role.OPERATOR):
        raise ForbiddenError(f"{who.name} is {who.role.value}; all parts of a lab are for operators.", hint="Leave `all` out.")
    return who.has(Role.OPERATOR) if asked is None else asked


def lab_for(who: Caller, lab: Lab, asked: bool | None) -> Lab:
    """The lab as the caller sees it."""
    if sees_all(who, asked):
        return lab
    hidden = {machine.name for machine in lab.machines if machine.role == MachineRole.CARD.value}
    machines = [machine.model_copy(update={"console_port": None, "uuid": ""}) for machine in lab.machines]
    return lab.model_copy(
        update={
            "note": note_without_cards(lab.note, lab.state, hidden),
            "reason": spoken(lab.reason, hidden),
            "machines": [machine for machine in machines if machine.name not in hidden],
            "ports": [port.model_copy(update={"machine": port.owner}) if port.machine in hidden else port for port in lab.ports],
            "networks": [],
        }
    )


def spoken(text: str, cards: Iterable[str]) -> str:
    """The text with cards called by their place in the chassis."""
    for name in sorted(cards, key=len, reverse=True):
        text = text.replace(name, naming.spoken(name))
    return text


def note_without_cards(note: str, state: SandboxState, cards: Iterable[str]) -> str:
    if not note.startswith("Stopped: ") or state is SandboxState.BOOKED:
        return note
    told, names = note.partition(". Run ")[0], list(cards)
    return (
        note if spoken(told, names) == told else f"{spoken(told, names)}. `rackless up` with the lab's blueprint brings it back."
    )


def plan_for(who: Caller, plan: Summary) -> Summary:
    """The plan as the caller sees it; its totals count everything, because that is what is booked."""
    if sees_all(who, None):
        return plan
    cards = {machine["name"] for machine in plan["machines"] if machine["role"] == MachineRole.CARD.value}
    seen = plan.copy()
    seen["machines"] = [machine for machine in plan["machines"] if machine["name"] not in cards]
    for port in (ports := [port.copy() for port in plan["ports"]]):
        port["machine"] = port["owner"] if port["machine"] in cards else port["machine"]
    seen["ports"], seen["networks"] = ports, []
    return seen


def check_console(who: Caller, lab: str, machine: MachineRow) -> None:
    """Raises NotFoundError for the machine of a card, unless it is an operator who asks."""
    if machine.role == MachineRole.CARD.value and not who.has(Role.OPERATOR):
        raise NotFoundError(
            f"Lab {lab} has no machine named {machine.name} that you may watch.",
            hint=f"The console of {machine.owner} is its own.",
        )
