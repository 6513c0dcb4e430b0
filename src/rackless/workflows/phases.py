"""Which of the built-in steps belong to which phase, and so how far a deployment is: its phase is the earliest with something
to do."""

from __future__ import annotations

from collections.abc import Iterable

from rackless.model.family import Role
from rackless.model.hooks import SET_UP, Hook, Phase
from rackless.model.plan import Plan


def steps(plan: Plan, hooks: Iterable[Hook]) -> dict[Phase, frozenset[str]]:
    """Names of the steps of a deployment by phase; without those that are taken only when something went wrong."""
    routers = [spec.owner for spec in plan.machines if spec.role is Role.CONTROLLER]
    found = {
        Phase.PRE_PROVISIONING: {"check"},
        Phase.PROVISIONING: {"make"}
        | {f"start {spec.name}" for spec in plan.machines}
        | {f"bootstrap {name}" for name in routers},
        Phase.POST_PROVISIONING: {f"ports {name}" for name in routers},
        Phase.CONNECTIVITY: {"wire"},
        Phase.CONFIGURATION: {f"{what} {name}" for what in ("configure", "inventory") for name in routers},
    }
    for hook in hooks:
        if hook.phase in found:
            found[hook.phase].add(f"hook {hook}")
    return {phase: frozenset(names) for phase, names in found.items()}


def current(plan: Plan, hooks: Iterable[Hook], done: Iterable[str]) -> Phase | None:
    """The phase of a deployment whose steps `done` were done; None when there is nothing left to do."""
    reached = set(done)
    wanted = steps(plan, hooks)
    return next((phase for phase in SET_UP if not wanted[phase] <= reached), None)
