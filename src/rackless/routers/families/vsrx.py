"""Juniper vSRX: a firewall of one machine. The first NIC is fxp0, the others are ge-0/0/0 and so on."""

from __future__ import annotations

from rackless.model.family import ConfigFormat, Family, NicRole, Readiness, Role, RoleFacts

VSRX = Family(
    name="vsrx",
    title="Juniper vSRX",
    releases="15.1X49 and later",
    dialect="junos",
    roles=(
        RoleFacts(
            role=Role.CONTROLLER,
            image="vsrx",
            files=r"(?:junos-|media-)?v-?srx.*\.(?:qcow2|ova)",
            default_memory=4096,
            least_memory=4096,
            vcpus=2,
            fixed_nics=(NicRole.MANAGEMENT,),
            fixed_nic_names=("fxp0",),
            config=ConfigFormat.JUNOS_CD,
            ready=Readiness.DIALOGUE,
            cpu_flags=("ssse3", "sse4_1", "sse4_2"),
            first_boot=300.0,
        ),
    ),
    most_cards=1,
    most_ports=8,
)
