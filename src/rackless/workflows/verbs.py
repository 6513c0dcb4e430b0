"""Every verb that a job can be of: one literal table."""

from __future__ import annotations

from collections.abc import Mapping

from rackless.durable import Workflow
from rackless.workflows.apply import apply
from rackless.workflows.connect import connect
from rackless.workflows.deploy import deploy
from rackless.workflows.disconnect import disconnect
from rackless.workflows.impair import impair
from rackless.workflows.link import link
from rackless.workflows.restart import restart
from rackless.workflows.save import save
from rackless.workflows.snapshots import restore, snapshot
from rackless.workflows.teardown import teardown

VERBS: Mapping[str, Workflow] = {
    "deploy": deploy,
    "apply": apply,
    "connect": connect,
    "disconnect": disconnect,
    "link": link,
    "impair": impair,
    "restart": restart,
    "save": save,
    "snapshot": snapshot,
    "restore": restore,
    "teardown": teardown,
}
