"""SR-IOV: the host owns the physical function of a NIC, guests get virtual ones through vfio. Pure: out of what sysfs says.

A virtual function goes to a guest alone with its whole IOMMU group (Linux, Documentation/driver-api/vfio.rst), and under a
driver that the host's network does not use. What cannot be is refused with the reason, before anything is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rackless.model.errors import CapacityError, InputError, StateError

VFIO = "vfio-pci"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A NIC of a guest. `physical`: name of the host's interface, as `eth2`, or its PCI address. `vlan` 0: none."""

    physical: str
    mac: str = ""
    vlan: int = 0
    trust: bool = False
    spoof_check: bool = True


@dataclass(frozen=True, kw_only=True)
class Function:
    """A PCI function. `group`: its IOMMU group, None without an IOMMU; `neighbours`: the other functions in that group."""

    address: str
    driver: str = ""
    group: int | None = None
    neighbours: tuple[str, ...] = ()
    numa: int = -1


@dataclass(frozen=True, kw_only=True)
class Physical:
    """A physical function that can have `most` virtual ones and has `virtual`, by their index. `used`: addresses of those that
    are a guest's already. `carries`: the host itself has addresses on it, or is reached by it."""

    interface: str
    function: Function
    most: int = 0
    virtual: tuple[Function, ...] = ()
    used: frozenset[str] = frozenset()
    carries: bool = False


@dataclass(frozen=True, kw_only=True)
class Write:
    """A text into a file of sysfs, or (`path` empty) words for `ip`."""

    path: str = ""
    text: str = ""
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.text} > {self.path}" if self.path else " ".join(("ip", *self.words))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The virtual function for a NIC, what has to be done for it first, in this order, and QEMU's words."""

    address: str
    writes: tuple[Write, ...]
    arguments: tuple[str, ...]


def choose(wanted: Wanted, physical: Sequence[Physical], *, index: int, count: int = 0) -> Choice:
    """The first free virtual function of the wanted physical one.

    Args:
        index: of the NIC in its guest.
        count: virtual functions to make where there are none; 0: as many as there can be.

    Raises:
        InputError: there is no such NIC, or it cannot do SR-IOV.
        StateError: it is not safe: no IOMMU, or a group that others are in.
        CapacityError: all its virtual functions are in use.
    """
    found = next((each for each in physical if wanted.physical in {each.interface, each.function.address}), None)
    if found is None:
        names = ", ".join(sorted(each.interface or each.function.address for each in physical)) or "none"
        raise InputError(f"There is no NIC {wanted.physical} that can do SR-IOV.", hint=f"Those that can: {names}.")
    if found.most == 0:
        raise InputError(f"{wanted.physical} cannot do SR-IOV: it has no virtual functions.", hint="Use a bridge.")
    if found.function.driver == VFIO:
        raise StateError(
            f"The physical function of {wanted.physical} is a guest's: the host has to own it.", hint="Bind it to its own driver."
        )
    if not found.virtual:
        number = min(count or found.most, found.most)
        path = f"/sys/bus/pci/devices/{found.function.address}/sriov_numvfs"
        raise NotMadeError(found, Write(path=path, text=str(number)))
    function = _free(found)
    _isolated(function, found)
    return Choice(address=function.address, writes=_writes(wanted, found, function), arguments=_arguments(function, index))


class NotMadeError(StateError):
    """The physical function has no virtual ones yet: `write` makes them, then sysfs is read again."""

    def __init__(self, physical: Physical, write: Write) -> None:
        super().__init__(f"{physical.interface} has none of its {physical.most} virtual functions yet.")
        self.write = write


def _free(physical: Physical) -> Function:
    for function in physical.virtual:
        if function.address not in physical.used:
            return function
    raise CapacityError(
        f"All {len(physical.virtual)} virtual functions of {physical.interface} are in use.",
        hint=f"It can have {physical.most}; that is changed only while none is in use.",
    )


def _isolated(function: Function, physical: Physical) -> None:
    if function.group is None:
        raise StateError(
            f"{function.address} is in no IOMMU group: a guest could reach all memory of the host.",
            hint="Switch the IOMMU on: VT-d or AMD-Vi in the firmware, intel_iommu=on on the kernel's command line.",
        )
    others = [address for address in function.neighbours if address != function.address]
    # Its siblings may be there: they go to guests too, or to nobody. The physical function, or another device, may not.
    foreign = [address for address in others if address not in {each.address for each in physical.virtual}]
    if foreign:
        raise StateError(
            f"{function.address} shares IOMMU group {function.group} with {', '.join(sorted(foreign))}.",
            hint="Use a slot behind a bridge with ACS.",
        )
    lent = [address for address in others if address in physical.used]
    if lent:
        raise StateError(f"{function.address} shares IOMMU group {function.group} with {lent[0]}, which another guest has.")


def _writes(wanted: Wanted, physical: Physical, function: Function) -> tuple[Write, ...]:
    """Its address, VLAN and rights are set by the host, so that the guest cannot; then its driver is changed."""
    number = str([each.address for each in physical.virtual].index(function.address))
    base = ("link", "set", physical.interface, "vf", number)
    told = [Write(words=(*base, "mac", wanted.mac))] if wanted.mac else []
    told += [
        Write(words=(*base, "vlan", str(wanted.vlan))),
        Write(words=(*base, "spoofchk", "on" if wanted.spoof_check else "off")),
        Write(words=(*base, "trust", "on" if wanted.trust else "off")),
    ]
    if function.driver == VFIO:
        return tuple(told)
    device = f"/sys/bus/pci/devices/{function.address}"
    told.append(Write(path=f"{device}/driver_override", text=VFIO))
    if function.driver:
        told.append(Write(path=f"{device}/driver/unbind", text=function.address))
    return (*told, Write(path="/sys/bus/pci/drivers_probe", text=function.address))


def _arguments(function: Function, index: int) -> tuple[str, ...]:
    return ("-device", f"vfio-pci,host={function.address},id=nic{index}")


def given_back(function: Function) -> tuple[Write, ...]:
    """After its guest: to the driver that fits it, for the host to use."""
    device = f"/sys/bus/pci/devices/{function.address}"
    writes = [Write(path=f"{device}/driver_override", text="\n")]
    if function.driver:
        writes.append(Write(path=f"{device}/driver/unbind", text=function.address))
    return (*writes, Write(path="/sys/bus/pci/drivers_probe", text=function.address))
