"""Any Linux image of the user's own, say with FRR: a host whose first NIC is management.

It learns its name and addresses by cloud-init, if it has that, and counts as there when its login prompt stands.
"""

from __future__ import annotations

from rackless.model.family import ConfigFormat, Family, NicRole, Readiness, Role, RoleFacts

FRR = Family(
    name="frr",
    title="Linux of your own image, with FRR or anything else",
    roles=(
        RoleFacts(
            role=Role.HOST,
            image="frr",
            default_memory=512,
            least_memory=64,
            fixed_nics=(NicRole.MANAGEMENT,),
            fixed_nic_names=("eth0",),
            config=ConfigFormat.CLOUD_INIT,
            ready=Readiness.LOGIN,
        ),
    ),
)
