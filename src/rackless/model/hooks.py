"""Phases of a lab's set-up and teardown, and what users have run in them. Names of phases as the original had them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    PRE_PROVISIONING = "pre-provisioning"
    """Can this place bear the lab?"""
    PROVISIONING = "provisioning"
    """Machines are made, boot, and take logins."""
    POST_PROVISIONING = "post-provisioning"
    """Every port of every card is there."""
    CONNECTIVITY = "connectivity"
    """Wires."""
    CONFIGURATION = "configuration"
    """Start-up configurations, and what the routers then say they are."""
    TEARDOWN = "teardown"
    """Configurations are kept, then all is taken away."""
    CLEANUP = "cleanup"
    """Nothing of it runs any more; numbers and secrets are given back."""


SET_UP = (
    Phase.PRE_PROVISIONING,
    Phase.PROVISIONING,
    Phase.POST_PROVISIONING,
    Phase.CONNECTIVITY,
    Phase.CONFIGURATION,
)
TAKE_DOWN = (Phase.TEARDOWN, Phase.CLEANUP)

DEADLINE = 300.0
"""Seconds that a hook has, where it does not say."""
MOST_DEADLINE = 3600.0
"""Seconds that one may ask for."""


@dataclass(frozen=True, kw_only=True)
class Hook:
    """What is run in a phase: an executable (`run`: its name and its arguments) or a request (`call`: a URL).

    `headers` may hold `{secret:NAME}`, which stands for a secret of the site's. `deadline`: seconds. `site`: it is the site's
    own."""

    phase: Phase
    name: str
    run: tuple[str, ...] = ()
    call: str = ""
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()
    deadline: float = DEADLINE
    site: bool = False

    def __str__(self) -> str:
        return f"{self.phase.value}/{self.name}"


def stretches(phases: Sequence[Phase], hooks: Iterable[Hook]) -> list[tuple[Phase, ...]]:
    """The phases in their order, cut before and after each that has hooks.

    Within a stretch every router goes on by itself; between two, all wait for all. So hooks find what a strict order of phases
    promises, and where nobody looks, nobody waits.
    """
    marked = {hook.phase for hook in hooks}
    found: list[tuple[Phase, ...]] = []
    for phase in phases:
        if found and phase not in marked and found[-1][-1] not in marked:
            found[-1] = (*found[-1], phase)
        else:
            found.append((phase,))
    return found
