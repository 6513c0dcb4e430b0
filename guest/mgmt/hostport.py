"""Is a VM host below this router? A module of its own: it is asked at every start, and most routers have none."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .world import Machine

PORT_NAME = "org.rackless.vmhost.0"
PORTS = "/sys/class/virtio-ports"


def find_port(world: Machine) -> str | None:
    """The device of the channel to the host; there is no udev that would make a link of its name."""
    for entry in world.names(PORTS):
        if (world.read(f"{PORTS}/{entry}/name") or "").strip() == PORT_NAME:
            return world.path(f"/dev/{entry}")
    return None
