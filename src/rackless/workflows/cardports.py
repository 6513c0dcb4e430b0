"""The ports of a router's cards, as its controller tells them over the host channel: nothing has to be started in the guest."""

from __future__ import annotations

from collections.abc import Mapping

from rackless.deadline import Deadline
from rackless.model.errors import DeadlineError, GuestError, ProviderError, StateError
from rackless.providers.contract import Channel, Ref
from rackless.routers.operation import waiting_for, wanted_labels
from rackless.shell.hostchannel import HostChannel
from rackless.workflows.driving import Tell

ASK = 0.2
"""Seconds between two questions. One costs an emulated guest a few milliseconds; `ifconfig` over SSH takes 100."""
ANSWER = 20.0
"""Seconds for one answer of a guest that is busy booting its daemons."""


async def told_ports(
    provider: Channel, controller: Ref, expected: Mapping[int, int], *, deadline: Deadline, tell: Tell
) -> dict[str, str]:
    """MAC by port label, once every port of every card is there (`expected`: number of ports by card).

    The channel is opened for each question, because it has room for one client only.

    Raises:
        GuestError: they did not come before the deadline; names the cards.
    """
    told = reason = ""
    while True:
        try:
            found = await _asked(provider, controller, deadline)
        except (ProviderError, DeadlineError, StateError) as error:
            reason = reason if deadline.over and reason else error.message  # a question cut short tells nothing new
        else:
            reason, waiting = "", waiting_for(found, expected)
            if not waiting:
                return {label: found[label] for label in wanted_labels(expected)}
            if waiting != told:
                told = waiting
                tell(f"waiting for {waiting}")
        if deadline.over:
            raise GuestError(
                f"After {deadline.spent:.0f} s {controller.name} still waits for {told or 'its cards'}."
                + (f" {reason}" if reason else ""),
                hint="Is that card's machine running? `rackless show` tells, `rackless restart` starts it again.",
            )
        await deadline.pause(ASK)


async def _asked(provider: Channel, controller: Ref, deadline: Deadline) -> dict[str, str]:
    channel = HostChannel(controller.name, await provider.channel(controller))
    try:
        status = await channel.status(deadline=deadline.within(ANSWER))
    finally:
        await channel.close()
    return {port.label: port.mac.lower() for port in status.ports}
