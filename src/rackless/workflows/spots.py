"""Where a router is reached, and with which secrets: read afresh at each use, never passed through the durable record."""

from __future__ import annotations

from rackless.model import naming
from rackless.model.errors import NotFoundError, StateError
from rackless.model.family import NicRole
from rackless.model.plan import MachineSpec, Plan
from rackless.providers.contract import Reached, Ref, RefKind
from rackless.sandboxes import secrecy
from rackless.store import machines, sandboxes, secrets
from rackless.workflows.driving import Spot
from rackless.workflows.world import World

HOST, SSH, SNMP = "127.0.0.1", 22, 161


async def reached(world: World, spec: MachineSpec) -> str:
    """The address at which the machine's place lets it be reached; "" for its own."""
    if isinstance(world.provider, Reached):
        return await world.provider.reached(Ref(kind=RefKind.MACHINE, sandbox=spec.sandbox, name=spec.name, place=spec.place))
    return ""


def endpoint(spec: MachineSpec, service: str, port: int, at: str = "") -> tuple[str, int]:
    """(host, port) of a service of a controller: a forwarded port of this machine, the address `at` which its place has it be
    reached, or that of fxp0 itself."""
    if at:
        return at, port
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
    at = await reached(world, spec)
    mine = await world.database.read(secrets.of, row.id, router)
    return Spot(
        sandbox=row.name,
        router=router,
        controller=spec.name,
        ssh=endpoint(spec, "ssh", SSH, at),
        snmp=endpoint(spec, "snmp", SNMP, at),
        user=wish.login.user,
        password=mine[secrecy.PASSWORD],
        root_password=mine[secrecy.ROOT],
        community=mine[secrecy.COMMUNITY],
        host_keys=known.host_keys,
        fxp0=wish.fxp0,
    )
