"""Where a router is reached, and with which secrets: read afresh at each use, never passed through the durable record."""

from __future__ import annotations

from rackless.model import naming
from rackless.model.errors import NotFoundError, StateError
from rackless.model.family import NicRole
from rackless.model.plan import MachineSpec, Plan
from rackless.sandboxes import secrecy
from rackless.store import machines, sandboxes, secrets
from rackless.workflows.driving import Spot
from rackless.workflows.world import World

HOST, SSH, SNMP = "127.0.0.1", 22, 161


def endpoint(spec: MachineSpec, service: str, port: int) -> tuple[str, int]:
    """(host, port) of a service of a controller: a forwarded port of this machine, or the address of fxp0 itself."""
    for forward in spec.forwards:
        if forward.service == service:
            return HOST, forward.host_port
    for nic in spec.nics:
        if nic.role is NicRole.MANAGEMENT and nic.address:
            return nic.address.split("/")[0], port
    raise StateError(f"{spec.name} has no address on a management network.", hint="Run `rackless doctor`.")


def controller_of(plan: Plan, router: str) -> MachineSpec:
    """Raises NotFoundError when the lab has no such router."""
    spec = plan.machine(naming.controller(router))
    if spec is None or spec.owner != router:
        raise NotFoundError(
            f"Lab {plan.sandbox} has no router named {router}.",
            hint=f"Its routers: {', '.join(wish.name for wish in plan.blueprint.routers) or 'none'}.",
        )
    return spec


async def spot_of(world: World, row: sandboxes.SandboxRow, router: str) -> Spot:
    spec = controller_of(row.plan, router)
    wish = next(wish for wish in row.plan.blueprint.routers if wish.name == router)
    known = await world.database.read(machines.get, row.id, spec.name)
    mine = await world.database.read(secrets.of, row.id, router)
    return Spot(
        sandbox=row.name,
        router=router,
        controller=spec.name,
        ssh=endpoint(spec, "ssh", SSH),
        snmp=endpoint(spec, "snmp", SNMP),
        user=wish.login.user,
        password=mine[secrecy.PASSWORD],
        root_password=mine[secrecy.ROOT],
        community=mine[secrecy.COMMUNITY],
        host_keys=known.host_keys,
        fxp0=wish.fxp0,
    )
