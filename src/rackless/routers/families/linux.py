"""A plain Linux host of our own image."""

from __future__ import annotations

from rackless.model.family import ConfigFormat, Family, NicRole, Resumes, Role, RoleFacts

LINUX = Family(
    name="linux",
    title="Plain Linux host",
    roles=(
        RoleFacts(
            role=Role.HOST,
            image="reference",
            default_memory=160,
            least_memory=128,
            fixed_nics=(NicRole.MANAGEMENT,),
            fixed_nic_names=("eth0",),
            config=ConfigFormat.IDENTITY,
            resumes=Resumes.CLONES,
        ),
    ),
    host_channel=True,
)
