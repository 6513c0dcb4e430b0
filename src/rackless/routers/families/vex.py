"""Juniper vEX, the vJunos-switch of before its release: the same machine under another name, with an image of its own."""

from __future__ import annotations

from rackless.model.family import ConfigFormat, Family, NicRole, Readiness, Resumes, Role, RoleFacts

VEX = Family(
    name="vex",
    title="Juniper vEX",
    releases="before 22.1",
    dialect="junos",
    roles=(
        RoleFacts(
            role=Role.CONTROLLER,
            image="vex",
            files=r"vex-.*\.qcow2",
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
