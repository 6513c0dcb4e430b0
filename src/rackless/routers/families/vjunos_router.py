"""Juniper vJunos-router: one machine that runs its controller and card as nested machines, hence its need of virtualization.

The first NIC is fxp0, the others are ge-0/0/0 and so on. Its flavor of the vMX is told by the system's description.
"""

from __future__ import annotations

from rackless.model.family import ConfigFormat, Family, NicRole, Readiness, Resumes, Role, RoleFacts

VJUNOS_ROUTER = Family(
    name="vjunos-router",
    title="Juniper vJunos-router",
    releases="23.1 and later",
    dialect="junos",
    roles=(
        RoleFacts(
            role=Role.CONTROLLER,
            image="vjunos-router",
            files=r"vJunos-router-.*\.qcow2",
            default_memory=5120,
            least_memory=5120,
            vcpus=4,
            fixed_nics=(NicRole.MANAGEMENT,),
            fixed_nic_names=("fxp0",),
            smbios=(("product", "VM-VMX"), ("family", "lab")),
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
