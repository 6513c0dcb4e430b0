"""What sysfs says of NICs with SR-IOV (Linux, Documentation/ABI/testing/sysfs-bus-pci). Only reads; `top` is another root in
tests."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from rackless.vmhost.sriov import Function, Physical

NETWORK = "0x02"
"""First byte of the class of network controllers (PCI Code and ID Assignment Specification)."""


def physical(top: Path = Path("/sys"), *, used: Collection[str] = (), carrying: Collection[str] = ()) -> tuple[Physical, ...]:
    """All NICs that can have virtual functions, by address.

    Args:
        used: addresses of functions that guests have.
        carrying: interfaces that the host itself is reached by.
    """
    devices = top / "bus/pci/devices"
    if not devices.is_dir():
        return ()
    found = []
    for device in sorted(devices.iterdir()):
        if not _text(device / "class").startswith(NETWORK) or not (device / "sriov_totalvfs").exists():
            continue
        interface = next(iter(sorted(each.name for each in (device / "net").glob("*"))), "")
        links = sorted(device.glob("virtfn*"), key=lambda link: int(link.name.removeprefix("virtfn")))
        virtual = tuple(_function(devices / link.resolve().name, top) for link in links)
        found.append(
            Physical(
                interface=interface,
                function=_function(device, top),
                most=int(_text(device / "sriov_totalvfs") or 0),
                virtual=virtual,
                used=frozenset(each.address for each in virtual) & frozenset(used),
                carries=interface in carrying,
            )
        )
    return tuple(found)


def _function(device: Path, top: Path) -> Function:
    driver, group = device / "driver", device / "iommu_group"
    number = int(group.resolve().name) if group.exists() else None
    members = top / f"kernel/iommu_groups/{number}/devices"
    neighbours = tuple(sorted(each.name for each in members.iterdir() if each.name != device.name)) if members.is_dir() else ()
    return Function(
        address=device.name,
        driver=driver.resolve().name if driver.exists() else "",
        group=number,
        neighbours=neighbours,
        numa=int(_text(device / "numa_node") or -1),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
