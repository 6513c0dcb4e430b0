"""The families this project knows, as one literal table; one file each. Planning and blueprints take them as an argument."""

from __future__ import annotations

from rackless.routers.families.frr import FRR
from rackless.routers.families.linux import LINUX
from rackless.routers.families.reference import REFERENCE
from rackless.routers.families.vex import VEX
from rackless.routers.families.vjunos_router import VJUNOS_ROUTER
from rackless.routers.families.vjunos_switch import VJUNOS_SWITCH
from rackless.routers.families.vmx import VMX
from rackless.routers.families.vsrx import VSRX

FAMILIES = (REFERENCE, LINUX, VMX, VJUNOS_ROUTER, VJUNOS_SWITCH, VEX, VSRX, FRR)
