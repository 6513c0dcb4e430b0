"""Juniper vJunos-switch (EX9214): one machine with nested ones inside. Its first NIC is fxp0, the others are ge-0/0/0 and on."""

from __future__ import annotations

from rackless.model.family import ConfigFormat, Family, NicRole, Readiness, Resumes, Role, RoleFacts

VJUNOS_SWITCH = Family(
    name="vjunos-switch",
    title="Juniper vJunos-switch",
    releases="22.1 and later",
    dialect="junos",
    roles=(
        RoleFacts(
            role=Role.CONTROLLER,
            image="vjunos-switch",
            files=r"vJunos-switch-.*\.qcow2",
            default_memory=5120,
            least_memory=5120,
            vcpus=4,
            fixed_nics=(NicRole.MANAGEMENT,),
            fixed_nic_names=("fxp0",),
            smbios=(("product", "VM-VEX"), ("family", "lab")),
            config=ConfigFormat.JUNOS_DISK,
            ready=Readiness.DIALOGUE,
            nested=True,
            resumes=Resumes.NEVER,
            first_boot=600.0,
        ),
    ),
    most_cards=1,
    most_ports=12,
)
