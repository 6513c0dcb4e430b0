"""Is a place fit for labs: what `rackless site check` asks of a vCenter, in the order in which to mend things."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from pyVmomi import vim

from rackless.model.errors import RacklessError
from rackless.model.places import Numbers, VspherePlace
from rackless.providers.contract import Finding
from rackless.providers.vsphere import marks, properties
from rackless.providers.vsphere.consoles import RULESET, Consoles
from rackless.providers.vsphere.inventory import Inventory
from rackless.providers.vsphere.networks import Switch
from rackless.providers.vsphere.session import Session

PRIVILEGES = {
    "machines": (
        "VirtualMachine.Inventory.CreateFromExisting",
        "VirtualMachine.Inventory.Delete",
        "VirtualMachine.Provisioning.Clone",
        "VirtualMachine.Config.EditDevice",
        "VirtualMachine.Config.AddRemoveDevice",
        "VirtualMachine.Config.AdvancedConfig",
        "VirtualMachine.Config.Memory",
        "VirtualMachine.Config.CPUCount",
        "VirtualMachine.Config.Rename",
        "VirtualMachine.State.CreateSnapshot",
        "VirtualMachine.Interact.PowerOn",
        "VirtualMachine.Interact.PowerOff",
        "VirtualMachine.Interact.Reset",
        "VirtualMachine.Interact.DeviceConnection",
        "Folder.Create",
        "Folder.Delete",
    ),
    "pool": ("Resource.AssignVMToPool", "VApp.Import"),
    "datastore": ("Datastore.AllocateSpace", "Datastore.FileManagement"),
    "switch": ("DVPortgroup.Create", "DVPortgroup.Delete", "Network.Assign"),
}
"""What the account needs, by where."""


def _of_cluster(place: VspherePlace) -> tuple[str, ...]:
    """What it needs there for what the site file asks for."""
    wanted = {
        "Host.Config.NetService": place.firewall_open,
        "Host.Config.Network": not place.switch,
        "Host.Inventory.EditCluster": place.anti_affinity,
    }
    return tuple(privilege for privilege, needed in wanted.items() if needed)


async def examine(
    place: VspherePlace, session: Session, inventory: Inventory, switch: Switch, consoles: Consoles, *, site: str
) -> AsyncIterator[Finding]:
    try:
        about = (await session.content()).about
    except RacklessError as error:
        name = "credentials" if "InvalidLogin" in getattr(error, "kinds", ()) else "reachable"
        yield Finding(name=name, ok=False, detail=error.message, hint=error.hint)
        return
    yield Finding(name="reachable", ok=True, detail=f"{about.fullName} at {place.server}, its certificate verified")
    yield Finding(name="credentials", ok=True, detail=f"logged in as {place.user}")
    try:
        await inventory.grounds()
    except RacklessError as error:
        yield Finding(name="inventory", ok=False, detail=error.message, hint=error.hint)
        return
    yield Finding(name="inventory", ok=True, detail=f"{place.datacenter}, {place.cluster} and what else the site file names")
    steps: tuple[tuple[str, Callable[[], Awaitable[Finding]]], ...] = (
        ("privileges", lambda: _privileges(place, session, inventory)),
        ("hosts", lambda: _hosts(inventory)),
        ("datastore", lambda: _datastore(session, inventory)),
        ("images", lambda: _images(place, session, inventory)),
        ("mtu", lambda: _mtu(place, inventory)),
        ("vlans", lambda: _vlans(place, switch, site)),
        ("management", lambda: _management(place, session, inventory)),
        ("serial-console", lambda: _firewalls(place, inventory, consoles)),
        ("time", lambda: _time(session, inventory)),
    )
    for name, ask in steps:
        try:
            yield await ask()
        except RacklessError as error:
            yield Finding(name=name, ok=False, detail=error.message, hint=error.hint)


async def _privileges(place: VspherePlace, session: Session, inventory: Inventory) -> Finding:
    grounds, content = await inventory.grounds(), await session.content()
    where = {
        "machines": grounds.machines,
        "pool": grounds.pool,
        "datastore": grounds.datastore,
        "switch": grounds.switch,
        "cluster": grounds.cluster,
    }
    missing = []
    for name, entity in where.items():
        wanted = list(_of_cluster(place) if name == "cluster" else PRIVILEGES[name])
        if entity is None or not wanted:
            continue
        had = await session.call(
            content.authorizationManager,
            "HasPrivilegeOnEntity",
            entity=entity,
            sessionId=await session.key(),
            privId=wanted,
            doing="see which privileges the account has",
        )
        missing += [f"{privilege} ({name})" for privilege, has in zip(wanted, had, strict=True) if not has]
    if missing:
        hint = f"Give {place.user} a role with them, as docs/howto/vsphere.md says."
        return Finding(name="privileges", ok=False, detail=f"the account lacks {', '.join(missing)}", hint=hint)
    return Finding(name="privileges", ok=True, detail="the account may do all that labs need")


async def _hosts(inventory: Inventory) -> Finding:
    hosts = await inventory.hosts()
    able = [
        facts["name"]
        for _, facts in hosts
        if facts.get("runtime.connectionState") == "connected" and not facts.get("runtime.inMaintenanceMode")
    ]
    bad = sorted({facts["name"] for _, facts in hosts} - set(able))
    detail = f"{len(able)} of {len(hosts)} can run machines" + (f"; not {', '.join(bad)}" if bad else "")
    return Finding(name="hosts", ok=bool(able), detail=detail, hint="" if able else "Connect a host, or end its maintenance.")


async def _datastore(session: Session, inventory: Inventory) -> Finding:
    datastore = (await inventory.grounds()).datastore
    if datastore is None:
        return Finding(name="datastore", ok=True, detail="that of each image")
    ((_, facts),) = await session.read(properties.of([datastore], vim.Datastore, "summary.accessible", "summary.freeSpace"))
    free = int(facts.get("summary.freeSpace") or 0) >> 30
    if not facts.get("summary.accessible"):
        return Finding(name="datastore", ok=False, detail="no host reaches it", hint="See the storage of the hosts.")
    hint = "" if free >= 10 else "Free room, or name another in the site file."
    return Finding(name="datastore", ok=free >= 10, detail=f"{free} GiB are free", hint=hint)


async def _images(place: VspherePlace, session: Session, inventory: Inventory) -> Finding:
    folder = await session.find(inventory.path("vm", place.image_folder))
    if folder is None:
        hint = "Make the folder and import images into it (`rackless image import`), or correct `image-folder`."
        return Finding(name="images", ok=False, detail=f"there is no folder {place.image_folder}", hint=hint)
    said = await session.read(properties.below(folder, {vim.VirtualMachine: ("name", "snapshot")}))
    bare = sorted(str(facts["name"]) for _, facts in said if facts.get("snapshot") is None)
    if not said:
        return Finding(name="images", ok=False, detail=f"{place.image_folder} is empty", hint="Import an image into it.")
    detail = f"{len(said)} in {place.image_folder}" + (
        f"; without a snapshot, so copied whole: {', '.join(bare)}" if bare else ""
    )
    return Finding(name="images", ok=True, detail=detail)


async def _mtu(place: VspherePlace, inventory: Inventory) -> Finding:
    mtu = (await inventory.grounds()).switch_mtu
    if not place.switch:
        return Finding(name="mtu", ok=True, detail="not asked of standard switches: wires carry what they and their uplinks do")
    if not mtu:
        return Finding(name="mtu", ok=True, detail=f"{place.switch} does not say; 1500 is the default")
    hint = "" if mtu >= 1500 else "Raise it, and that of the physical switches, to 1500 or more: routers lose their cards below."
    return Finding(name="mtu", ok=mtu >= 1500, detail=f"{place.switch} carries {mtu} octets", hint=hint)


async def _vlans(place: VspherePlace, switch: Switch, site: str) -> Finding:
    if place.numbers is None:
        return Finding(
            name="vlans", ok=False, detail="the place has none to give", hint="Give it `numbers`, as `100-199`, in the site file."
        )
    inside = f"{place.numbers.first}-{place.numbers.last}"
    if place.numbers.first < 1 or place.numbers.last > 4094:
        return Finding(name="vlans", ok=False, detail=f"{inside} are no VLANs", hint="VLANs are 1 to 4094.")
    foreign = [
        group.name
        for group in await switch.groups()
        if marks.read_group(site, group.name, group.description) is None and _overlaps(group.vlans, place.numbers)
    ]
    if foreign:
        hint = "Give the place other `numbers`, or those port groups other VLANs: labs would be on one network with them."
        return Finding(name="vlans", ok=False, detail=f"of {inside} others use some: {', '.join(sorted(foreign))}", hint=hint)
    return Finding(name="vlans", ok=True, detail=f"{inside}, and no other port group of the switch has one of them")


def _overlaps(vlans: tuple[tuple[int, int], ...], numbers: Numbers) -> bool:
    """An uplink's trunk of all VLANs is no use of them."""
    return any(first <= numbers.last and last >= numbers.first and last - first < 4000 for first, last in vlans)


async def _management(place: VspherePlace, session: Session, inventory: Inventory) -> Finding:
    found = await session.find(inventory.path("network", place.management_network))
    if found is None:
        detail = f"there is no network {place.management_network}"
        return Finding(name="management", ok=False, detail=detail, hint="Correct `management-network` in the site file.")
    return Finding(name="management", ok=True, detail=f"{place.management_network} is there")


async def _firewalls(place: VspherePlace, inventory: Inventory, consoles: Consoles) -> Finding:
    shut, key = [], RULESET[place.serial_line]
    for _, facts in await inventory.hosts():
        system = facts.get("configManager.firewallSystem")
        rule = await consoles.rule(system) if system is not None else None
        if rule is not None and not rule.enabled:
            shut.append(str(facts["name"]))
    if shut and not place.firewall_open:
        hint = "Open it for this machine (rule VM serial port connected over network), or write `firewall-open: true`."
        return Finding(name="serial-console", ok=False, detail=f"rule {key} is shut on {', '.join(shut)}", hint=hint)
    detail = f"rule {key} is open on all hosts" if not shut else f"rule {key} will be opened for us on {', '.join(shut)}"
    return Finding(name="serial-console", ok=True, detail=detail)


async def _time(session: Session, inventory: Inventory) -> Finding:
    cluster = (await inventory.grounds()).cluster
    wanted: dict[Any, tuple[str, ...]] = {vim.HostSystem: ("name", "config.dateTimeInfo")}
    said = await session.read(properties.along(cluster, vim.ComputeResource, "host", wanted))
    without = sorted(
        str(facts["name"])
        for _, facts in said
        if not getattr(getattr(facts.get("config.dateTimeInfo"), "ntpConfig", None), "server", None)
    )
    if without:
        hint = "Give the hosts an NTP server: guests take their first time from them."
        return Finding(name="time", ok=False, detail=f"no NTP server on {', '.join(without)}", hint=hint)
    return Finding(name="time", ok=True, detail="all hosts have an NTP server")
