"""The reference router: FRR under a Junos-style command line, of our own image.

Memory: a controller was measured to use 49 to 58 MiB and a card 22 MiB, and machines of 192 and 128 MiB worked; the defaults
leave room for routing tables and packet buffers.
"""

from __future__ import annotations

from rackless.model.family import ConfigFormat, Family, NicRole, Resumes, Role, RoleFacts

REFERENCE = Family(
    name="reference",
    title="Rackless reference router (FRR, Junos-style command line)",
    roles=(
        RoleFacts(
            role=Role.CONTROLLER,
            image="reference",
            default_memory=256,
            least_memory=192,
            fixed_nics=(NicRole.MANAGEMENT, NicRole.INTERNAL),
            fixed_nic_names=("fxp0", "int"),
            config=ConfigFormat.IDENTITY,
            resumes=Resumes.CLONES,
        ),
        RoleFacts(
            role=Role.CARD,
            image="reference",
            default_memory=160,
            least_memory=128,
            fixed_nics=(NicRole.MANAGEMENT, NicRole.INTERNAL),
            fixed_nic_names=("mgmt", "int"),
            config=ConfigFormat.IDENTITY,
            resumes=Resumes.CLONES,
        ),
    ),
    live_cards=True,
    host_channel=True,
)
