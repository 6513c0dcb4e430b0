"""Juniper vMX 17.x to 20.x: a controller (VCP) and cards (VFP), as its vendor's images are laid out.

NICs of both: the first is management, the second the internal network, a card's ports follow; on vSphere the hypervisor may
show a card's in another order, which is why ports are matched by MAC. A VCP with less than 2048 MiB does not boot, a VFP with
less than 4096 does not find its VCP. The first boot of a VCP takes about ten minutes, during which it says something on the
serial line only. A VFP reads its card number from its own disk: each card has an image that was prepared for its slot
(`rackless image prepare`), because a factory image may say 3.
"""

from __future__ import annotations

from rackless.model.family import ConfigFormat, DiskBus, DiskFacts, Family, NicRole, Readiness, Role, RoleFacts

VMX = Family(
    name="vmx",
    title="Juniper vMX",
    releases="17.1 to 20.4",
    dialect="junos",
    roles=(
        RoleFacts(
            role=Role.CONTROLLER,
            image="vmx-vcp",
            files=r"junos-vmx-x86-64-.*\.qcow2|vcp[-_].*\.ova",
            default_memory=2048,
            least_memory=2048,
            fixed_nics=(NicRole.MANAGEMENT, NicRole.INTERNAL),
            fixed_nic_names=("fxp0", "em1"),
            disk_bus=DiskBus.IDE,
            more_disks=(
                DiskFacts(image="vmx-vcp-hdd", bus=DiskBus.IDE, files=r"vmxhdd\.img"),
                DiskFacts(image="vmx-vcp-metadata", bus=DiskBus.USB, files=r"metadata-usb-re\.img"),
            ),
            config=ConfigFormat.METADATA,
            # As the vendor's OpenStack templates have it.
            metadata=(
                ("hostname", "{router}"),
                ("vm_chassisname", "chassis-{router}"),
                ("vm_chassname", "chassis-{router}"),
                ("netmask", "24"),
                ("vm_instance", "0"),
                ("vm_is_virtual", "1"),
                ("console", "vidconsole"),
                ("vm_i2cid", "0xBAA"),
                ("vm_retype", "RE-VMX"),
                ("vm_ore_present", "0"),
                ("hw.pci.link.0x60.irq", "10"),
                ("vm_chassis_i2cid", "161"),
                ("vmtype", "0"),
                ("vmchtype", "mx240"),
            ),
            smbios=(("manufacturer", "Juniper"), ("product", "VM-vcp_{router}-161-re-0"), ("version", "0.1.0")),
            ready=Readiness.DIALOGUE,
            first_boot=600.0,
        ),
        RoleFacts(
            role=Role.CARD,
            image="vmx-vfp-card{slot}",
            files=r"vFPC-.*\.img|vfpc[-_].*\.ova",
            default_memory=4096,
            least_memory=4096,
            vcpus=3,
            fixed_nics=(NicRole.MANAGEMENT, NicRole.INTERNAL),
            fixed_nic_names=("ext", "int"),
            disk_bus=DiskBus.IDE,
            more_disks=(DiskFacts(image="vmx-vfp-metadata", bus=DiskBus.USB, files=r"metadata-usb-fpc0\.img"),),
            smbios=(("manufacturer", "Juniper"), ("product", "VM-vpfe_{router}-161-fpc-{slot}"), ("version", "0.1.0")),
            ready=Readiness.PORTS,
            cpu_flags=("ssse3", "sse4_1", "sse4_2"),
            first_boot=300.0,
            login=("root", "root"),
            slot_file="/var/jnx/card/local/slot",
        ),
    ),
    internal_mtu=1500,
)
