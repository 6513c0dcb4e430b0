"""What a machine is made of, as vCenter wants it said: NICs, memory, serial port. Pure: devices and specs in, specs out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pyVmomi import vim

from rackless.model.places import SerialLine
from rackless.model.plan import MachineSpec, NicSpec
from rackless.providers.vsphere import marks

MOST_NICS = 13
"""Of a router's card: three reserved and ten for traffic."""

_Change = vim.vm.device.VirtualDeviceSpec
_Card = vim.vm.device.VirtualEthernetCard


def cards(devices: Iterable[Any]) -> list[Any]:
    """The NICs in the order of their keys, which is that of "Network adapter 1", 2, 3."""
    return sorted((one for one in devices if isinstance(one, _Card)), key=lambda one: int(one.key))


def card_of(devices: Iterable[Any], nic: NicSpec) -> Any:
    """The NIC that the plan's `nic` is, known by its MAC: their order changes as devices come and go. None: not there."""
    return next((one for one in cards(devices) if str(one.macAddress or "").lower() == nic.mac.lower()), None)


def serial_of(devices: Iterable[Any]) -> Any:
    """The serial port over the network, or None."""
    kind = vim.vm.device.VirtualSerialPort
    return next((one for one in devices if isinstance(one, kind) and isinstance(one.backing, kind.URIBackingInfo)), None)


def dressed(spec: MachineSpec, devices: list[Any], backing: Callable[[NicSpec], Any], *, serial: Any, drive: str) -> Any:
    """The change that makes `spec` out of a bare clone. NICs that the image brought are used in their order, so that the vendor's
    kind of NIC stays.

    Args:
        backing: of a NIC, with True if it is plugged in.
        serial: backing of its serial port; None for none.
        drive: the file of its configuration drive, "[datastore] folder/file.iso"; empty for none.
    """
    changes = _serial_changes(devices, serial)
    changes += _drive_changes(devices, drive) if drive else []
    there = cards(devices)
    for place, nic in enumerate(spec.nics):
        behind, plugged = backing(nic)
        if place < len(there):
            changes.append(_Change(operation="edit", device=_plugged(there[place], behind, plugged, nic.mac)))
        else:
            changes.append(_Change(operation="add", device=_new_card(spec, nic, behind, plugged, -100 - place)))
    changes += [_Change(operation="remove", device=one) for one in there[len(spec.nics) :]]
    return vim.vm.ConfigSpec(
        name=marks.machine_name(spec.sandbox, spec.name),
        memoryMB=spec.memory,
        numCPUs=spec.vcpus,
        annotation=f"Machine {spec.name} of the Rackless lab {spec.sandbox}. It is removed with the lab.",
        nestedHVEnabled=True if spec.nested else None,
        extraConfig=[vim.option.OptionValue(key=marks.MACHINE, value=marks.write_machine(spec))],
        deviceChange=changes,
    )


def undressed(name: str, devices: list[Any]) -> Any:
    """The change that leaves of a machine its disk."""
    gone = [*cards(devices), *(one for one in (serial_of(devices), drive_of(devices)) if one is not None)]
    return vim.vm.ConfigSpec(
        name=name,
        extraConfig=[vim.option.OptionValue(key=marks.MACHINE, value="")],
        deviceChange=[_Change(operation="remove", device=one) for one in gone],
    )


def replugged(card: Any, backing: Any, up: bool, running: bool) -> Any:
    """The change that moves a NIC to another network, or None if it is there and as it should be. `up`: its carrier."""
    now = card.connectable
    same = backing is None or _same(card.backing, backing)
    if same and now is not None and now.startConnected == up and (not running or now.connected == up):
        return None
    device = _plugged(card, card.backing if backing is None else backing, up, card.macAddress)
    return vim.vm.ConfigSpec(deviceChange=[_Change(operation="edit", device=device)])


def _plugged(card: Any, backing: Any, up: bool, mac: str) -> Any:
    card.backing = backing
    card.addressType = "manual"
    card.macAddress = mac
    card.wakeOnLanEnabled = bool(card.wakeOnLanEnabled)
    card.connectable = _connectable(up)
    return card


def _new_card(spec: MachineSpec, nic: NicSpec, backing: Any, up: bool, key: int) -> Any:
    """`key` is negative: vCenter gives it its own."""
    model = spec.nic_model.value
    kind = {"e1000": vim.vm.device.VirtualE1000, "e1000e": vim.vm.device.VirtualE1000e}.get(model, vim.vm.device.VirtualVmxnet3)
    return kind(
        key=key,
        backing=backing,
        addressType="manual",
        macAddress=nic.mac,
        wakeOnLanEnabled=False,
        connectable=_connectable(up),
    )


def _connectable(up: bool) -> Any:
    return vim.vm.device.VirtualDevice.ConnectInfo(startConnected=up, connected=up, allowGuestControl=False)


def _same(one: Any, other: Any) -> bool:
    kind = _Card.DistributedVirtualPortBackingInfo
    if isinstance(one, kind) and isinstance(other, kind):
        return bool(one.port.portgroupKey == other.port.portgroupKey and one.port.switchUuid == other.port.switchUuid)
    return type(one) is type(other) and one.deviceName == other.deviceName


def serial_backing(line: SerialLine, port: int, *, ours: str, concentrator: str) -> Any:
    """`ours`: our address as the hosts see it. A concentrator listens at the same port on our behalf."""
    kind = vim.vm.device.VirtualSerialPort.URIBackingInfo
    if line is SerialLine.CLIENT:
        return kind(direction="client", serviceURI=f"telnet://{ours}:{port}")
    if line is SerialLine.CONCENTRATOR:
        return kind(direction="server", serviceURI=f"telnet://:{port}", proxyURI=concentrator)
    return kind(direction="server", serviceURI=f"telnet://:{port}")


def _serial_changes(devices: list[Any], backing: Any) -> list[Any]:
    """The image's first serial port is used, if it has one: its guest has its console there. Others of the image that are at a
    port of the host are taken out: all clones would be at the same one."""
    kind = vim.vm.device.VirtualSerialPort
    there = sorted((one for one in devices if isinstance(one, kind)), key=lambda one: int(one.key))
    used = there[:1] if backing is not None else []
    surplus = [one for one in there if one not in used and isinstance(one.backing, kind.URIBackingInfo)]
    changes = [_Change(operation="remove", device=one) for one in surplus]
    if backing is not None:
        port = used[0] if used else kind(key=-50)
        port.backing, port.yieldOnPoll, port.connectable = backing, True, _connectable(True)
        changes.insert(0, _Change(operation="edit" if used else "add", device=port))
    return changes


DRIVE = "rackless-config.iso"
"""The file of a configuration drive, beside the machine's own."""


def drive_of(devices: Iterable[Any]) -> Any:
    """The CD drive with the configuration drive in it, or None."""
    kind = vim.vm.device.VirtualCdrom
    return next((one for one in devices if isinstance(one, kind) and drive_file(one)), None)


def drive_file(drive: Any) -> str:
    """The datastore path of the configuration drive that is in it; empty: another CD, or none."""
    path = str(getattr(drive.backing, "fileName", "") or "")
    return path if path.endswith(f"/{DRIVE}") else ""


def _drive_changes(devices: list[Any], path: str) -> list[Any]:
    """A CD drive for it: the image's own, else a new one at a free place of a controller."""
    kind = vim.vm.device.VirtualCdrom
    backing = kind.IsoBackingInfo(fileName=path)
    there = next((one for one in devices if isinstance(one, kind)), None)
    if there is not None:
        there.backing, there.connectable = backing, _connectable(True)
        return [_Change(operation="edit", device=there)]
    for controller, room in (
        *((one, 2) for one in devices if isinstance(one, vim.vm.device.VirtualIDEController)),
        *((one, 30) for one in devices if isinstance(one, vim.vm.device.VirtualAHCIController)),
    ):
        taken = {one.unitNumber for one in devices if getattr(one, "controllerKey", None) == controller.key}
        free = next((unit for unit in range(room) if unit not in taken), None)
        if free is not None:
            return [_Change(operation="add", device=_drive(backing, controller.key, free))]
    ahci = vim.vm.device.VirtualAHCIController(key=-60, busNumber=0)
    return [_Change(operation="add", device=ahci), _Change(operation="add", device=_drive(backing, -60, 0))]


def _drive(backing: Any, controller: int, unit: int) -> Any:
    kind = vim.vm.device.VirtualCdrom
    return kind(key=-61, backing=backing, controllerKey=controller, unitNumber=unit, connectable=_connectable(True))
