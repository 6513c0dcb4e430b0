"""The OVF descriptor of the appliance (DMTF DSP0243 and DSP8023, 1.0), in the dialect that VMware's products take. Pure.

Sections and elements stand in the order that the schema demands: inside an `Item` the alphabet's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from rackless.appliance.answers import QUESTIONS, Question

OVF = "http://schemas.dmtf.org/ovf/envelope/1"
RASD = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
VSSD = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData"
VMW = "http://www.vmware.com/schema/ovf"
SPACES = {"ovf": OVF, "rasd": RASD, "vssd": VSSD, "vmw": VMW}
STREAM = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"
CLASS = "rackless"
"""Of the properties: in the guest's environment they are `rackless.hostname` and so on (DSP0243, 9.5)."""
HARDWARE = "vmx-13"
"""Virtual hardware of vSphere 6.5, which every later release takes."""
DEBIAN_64 = 96
"""CIM_OperatingSystem.OsType."""
PROCESSOR, MEMORY, SCSI, ETHERNET, DISK = "3", "4", "6", "10", "17"
"""CIM_ResourceAllocationSettingData.ResourceType."""


@dataclass(frozen=True, kw_only=True)
class Drive:
    """`capacity` in bytes; `file` with `size` bytes is its content, and "" an empty disk that the importer makes."""

    id: str
    about: str
    capacity: int
    file: str = ""
    size: int = 0
    used: int = 0
    """Bytes that are not empty."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """`memory` in MiB. `network`: how the importer's question calls the network of its one NIC."""

    name: str
    version: str
    vcpus: int
    memory: int
    drives: tuple[Drive, ...]
    network: str = "Management"
    product: str = "Rackless appliance"
    vendor: str = "Rackless"
    about: str = "Labs of multi-VM virtual routers: one node of a fabric, or a server by itself."
    properties: tuple[Question, ...] = QUESTIONS


def _tag(name: str) -> str:
    space, _, local = name.rpartition(":")
    return f"{{{SPACES[space or 'ovf']}}}{local}"


def _add(parent: Element, name: str, text: str = "", /, **attributes: str) -> Element:
    """Attributes are OVF's own; the schema wants them qualified."""
    made = SubElement(parent, _tag(name), {_tag(key): value for key, value in attributes.items()})
    made.text = text or None
    return made


def _section(parent: Element, name: str, info: str, /, **attributes: str) -> Element:
    made = _add(parent, name, **attributes)
    _add(made, "Info", info)
    return made


def _item(parent: Element, values: Mapping[str, str]) -> None:
    item = _add(parent, "Item")
    for name in sorted(values):
        _add(item, f"rasd:{name}", values[name])


def _properties(system: Element, machine: Machine) -> None:
    product = _section(system, "ProductSection", "What the appliance is told at its first start", **{"class": CLASS})
    _add(product, "Product", machine.product)
    _add(product, "Vendor", machine.vendor)
    _add(product, "Version", machine.version)
    for question in machine.properties:
        wanted = {"key": question.key, "type": "string", "userConfigurable": "true"}
        if question.choices:
            wanted["qualifiers"] = "ValueMap{" + ",".join(f'"{choice}"' for choice in question.choices) + "}"
        if question.default:
            wanted["value"] = question.default
        if question.secret:
            wanted["password"] = "true"  # noqa: S105 - says that the answer is one
        made = _add(product, "Property", **wanted)
        _add(made, "Label", question.label)
        _add(made, "Description", question.about)


def _hardware(system: Element, machine: Machine) -> None:
    # Both ways in which an importer can hand properties over (DSP0243, 9.5.1, and VMware's own).
    hardware = _section(system, "VirtualHardwareSection", "Virtual hardware", transport="iso com.vmware.guestInfo")
    family = _add(hardware, "System")
    for name, text in (
        ("ElementName", "Virtual Hardware Family"),
        ("InstanceID", "0"),
        ("VirtualSystemIdentifier", machine.name),
        ("VirtualSystemType", HARDWARE),
    ):
        _add(family, f"vssd:{name}", text)
    for item in (
        {
            "AllocationUnits": "hertz * 10^6",
            "Description": "Number of virtual CPUs",
            "ElementName": f"{machine.vcpus} virtual CPUs",
            "InstanceID": "1",
            "ResourceType": PROCESSOR,
            "VirtualQuantity": str(machine.vcpus),
        },
        {
            "AllocationUnits": "byte * 2^20",
            "Description": "Memory size",
            "ElementName": f"{machine.memory} MB of memory",
            "InstanceID": "2",
            "ResourceType": MEMORY,
            "VirtualQuantity": str(machine.memory),
        },
        {
            "Address": "0",
            "Description": "SCSI controller",
            "ElementName": "SCSI controller 0",
            "InstanceID": "3",
            "ResourceSubType": "lsilogic",
            "ResourceType": SCSI,
        },
        *(
            {
                "AddressOnParent": str(number),
                "Description": drive.about,
                "ElementName": f"Hard disk {number + 1}",
                "HostResource": f"ovf:/disk/{drive.id}",
                "InstanceID": str(10 + number),
                "Parent": "3",
                "ResourceType": DISK,
            }
            for number, drive in enumerate(machine.drives)
        ),
        {
            "AddressOnParent": "7",
            "AutomaticAllocation": "true",
            "Connection": machine.network,
            "Description": "Management and web",
            "ElementName": "Network adapter 1",
            "InstanceID": "30",
            "ResourceSubType": "VmxNet3",
            "ResourceType": ETHERNET,
        },
    ):
        _item(hardware, item)


def text(machine: Machine) -> bytes:
    """The descriptor. Two calls with equal machines give equal bytes."""
    for prefix, space in SPACES.items():
        ElementTree.register_namespace(prefix, space)
    root = Element(_tag("Envelope"))
    references = _add(root, "References")
    for drive in machine.drives:
        if drive.file:
            _add(references, "File", href=drive.file, id=f"file-{drive.id}", size=str(drive.size))
    disks = _section(root, "DiskSection", "Virtual disks")
    for drive in machine.drives:
        wanted = {"capacity": str(drive.capacity), "capacityAllocationUnits": "byte", "diskId": drive.id, "format": STREAM}
        if drive.file:
            wanted |= {"fileRef": f"file-{drive.id}", "populatedSize": str(drive.used)}
        _add(disks, "Disk", **wanted)
    networks = _section(root, "NetworkSection", "Networks")
    _add(_add(networks, "Network", name=machine.network), "Description", "Where the appliance is reached, and its fabric")
    system = _section(root, "VirtualSystem", machine.about, id=machine.name)
    _add(system, "Name", machine.name)
    _properties(system, machine)
    guest = _section(system, "OperatingSystemSection", "The guest's operating system", id=str(DEBIAN_64))
    guest.set(_tag("vmw:osType"), "debian10_64Guest")
    _add(guest, "Description", "Debian GNU/Linux (64-bit)")
    _hardware(system, machine)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'.encode()
