"""A structural check of an OVF descriptor, made by hand from what DMTF's DSP8023 1.0 says of order, number and attributes.

This is NOT the schema: none of the registries within reach carries it. With the folder of DMTF's own files
(dsp8023_1.1.1.xsd and what it imports) in RACKLESS_OVF_SCHEMA, `by_schema` validates against that instead.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

OVF = "{http://schemas.dmtf.org/ovf/envelope/1}"
RASD = "{http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData}"
VSSD = "{http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData}"
SECTIONS = {
    *("AnnotationSection", "ProductSection", "NetworkSection", "DiskSection", "OperatingSystemSection", "EulaSection"),
    *("VirtualHardwareSection", "ResourceAllocationSection", "InstallSection", "StartupSection", "DeploymentOptionSection"),
}
# Element -> its children in order, each with how many there may be: 1, ? or *; SECTION stands for any section.
CHILDREN = {
    "Envelope": ("References 1", "SECTION *", "CONTENT ?", "Strings *"),
    "References": ("File *",),
    "DiskSection": ("Info 1", "Disk *"),
    "NetworkSection": ("Info 1", "Network *"),
    "Network": ("Description ?",),
    "VirtualSystem": ("Info ?", "Name ?", "SECTION *"),
    "OperatingSystemSection": ("Info 1", "Description ?"),
    "ProductSection": (
        *("Info 1", "Product ?", "Vendor ?", "Version ?", "FullVersion ?", "ProductUrl ?", "VendorUrl ?", "AppUrl ?", "Icon *"),
        "PROPERTY *",
    ),
    "Property": ("Label ?", "Description ?", "Value *"),
    "VirtualHardwareSection": ("Info 1", "System ?", "Item *"),
}
REQUIRED = {
    "File": ("id", "href"),
    "Disk": ("diskId", "capacity", "format"),
    "Network": ("name",),
    "VirtualSystem": ("id",),
    "OperatingSystemSection": ("id",),
    "Property": ("key", "type"),
}
NUMBERS = {("File", "size"), ("Disk", "populatedSize"), ("OperatingSystemSection", "id")}
BOOLEANS = {("Property", "userConfigurable"), ("Property", "password")}
MANDATORY_ITEM = {"ElementName", "InstanceID", "ResourceType"}
NUMERIC_ITEM = {"ResourceType", "VirtualQuantity", "Limit", "Reservation", "Weight"}


def _name(element: Element) -> str:
    return element.tag.removeprefix(OVF)


def _kind(element: Element) -> str:
    name = _name(element)
    if name in SECTIONS:
        return "SECTION"
    if name in {"VirtualSystem", "VirtualSystemCollection"}:
        return "CONTENT"
    return "PROPERTY" if name in {"Property", "Category"} else name


def complaints(text: bytes) -> list[str]:
    """What is not as the schema has it; [] when nothing was found."""
    root = ElementTree.fromstring(text)
    found = [] if root.tag == f"{OVF}Envelope" else [f"the root is {root.tag}"]
    for element in root.iter():
        name = _name(element)
        found += [f"{name}: attribute {key} without a namespace" for key in element.attrib if not key.startswith("{")]
        found += [f"{name} without {key}" for key in REQUIRED.get(name, ()) if f"{OVF}{key}" not in element.attrib]
        for key, value in element.attrib.items():
            place = (name, key.removeprefix(OVF))
            if place in NUMBERS and not value.isdecimal():
                found.append(f"{place} is {value!r}, no number")
            if place in BOOLEANS and value not in {"true", "false"}:
                found.append(f"{place} is {value!r}, no boolean")
        if name in CHILDREN:
            found += _order(name, [_kind(child) for child in element])
        if name in {"Item", "System"}:
            found += _setting(element, RASD if name == "Item" else VSSD)
    return found + _references(root)


def _order(name: str, children: list[str]) -> list[str]:
    pattern = "".join(
        f"(?:{child} )" + ("" if many == "1" else many) for child, many in (each.split() for each in CHILDREN[name])
    )
    text = "".join(f"{child} " for child in children)
    return [] if re.fullmatch(pattern, text) else [f"{name} has {text}where {pattern} belongs"]


def _setting(element: Element, space: str) -> list[str]:
    """CIM's classes: their own namespace, the alphabet's order, what is mandatory."""
    names = [child.tag.removeprefix(space) for child in element]
    found = [f"{_name(element)} has {name}" for name in names if name.startswith("{")]
    if names != sorted(names):
        found.append(f"{_name(element)} is not in the alphabet's order: {names}")
    if lacking := ({"ElementName", "InstanceID"} if space == VSSD else MANDATORY_ITEM) - set(names):
        found.append(f"{_name(element)} lacks {sorted(lacking)}")
    found += [
        f"{name} is {child.text!r}"
        for name, child in zip(names, element, strict=True)
        if name in NUMERIC_ITEM and not (child.text or "").isdecimal()
    ]
    return found


def _references(root: Element) -> list[str]:
    """What the specification wants and no schema can: identifiers are unique, and lead somewhere."""
    files = [each.get(f"{OVF}id") for each in root.iter(f"{OVF}File")]
    disks = {each.get(f"{OVF}diskId"): each for each in root.iter(f"{OVF}Disk")}
    networks = {each.get(f"{OVF}name") for each in root.iter(f"{OVF}Network")}
    numbers = [each.text for each in root.iter(f"{RASD}InstanceID")]
    found = [] if len(set(files)) == len(files) else ["two files have one id"]
    found += [] if len(set(numbers)) == len(numbers) else ["two items have one InstanceID"]
    found += [
        f"no file {disk.get(f'{OVF}fileRef')}" for disk in disks.values() if disk.get(f"{OVF}fileRef") not in {None, *files}
    ]
    found += [
        f"no disk {each.text}"
        for each in root.iter(f"{RASD}HostResource")
        if (each.text or "").removeprefix("ovf:/disk/") not in disks
    ]
    found += [f"no network {each.text}" for each in root.iter(f"{RASD}Connection") if each.text not in networks]
    found += [f"no parent {each.text}" for each in root.iter(f"{RASD}Parent") if each.text not in numbers]
    return found


def by_schema(text: bytes) -> list[str]:
    """By DMTF's own schema, where somebody has put it; [] without it too."""
    folder = os.environ.get("RACKLESS_OVF_SCHEMA")
    if not folder:
        return []
    from lxml import etree

    (path,) = Path(folder).glob("dsp8023*.xsd")
    schema = etree.XMLSchema(etree.parse(str(path)))
    schema.validate(etree.fromstring(text))
    return [str(error) for error in schema.error_log]
