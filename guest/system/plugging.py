"""NICs that are plugged in while the machine runs: some places wire by exchanging NICs (OpenStack, `rewiring: hotplug`)."""

from __future__ import annotations

from system import links
from system.becoming import plugged_commands
from system.identity import Identity


class Plugging:
    """`watch` is readable when something changed: then `look`."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self.watch = links.monitor()
        self._known = self._there()

    def _there(self) -> dict[str, str]:
        return {links.index(name): name for name in links.physical()}

    def look(self) -> None:
        """Name those that came, and have them up."""
        links.drain(self.watch)
        there = self._there()
        came = [name for index, name in there.items() if index not in self._known]
        if came:
            lines = plugged_commands(self._identity, [link for link in map(links.read, came) if link is not None])
            trouble = links.batch("ip", lines, force=True)
            links.say(f"plugged in: {' '.join(came)}{': ' + trouble if trouble else ''}")
        self._known = there  # As it was looked at: what comes meanwhile is told of again.
