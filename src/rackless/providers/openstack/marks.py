"""Names and marks of what is ours at a cloud, computed, so that a repeated step finds what the first try made.

Servers and images have tags, given with the request that makes them. A network or a port gets a tag by a second request only,
and a crash between the two would leave something that nobody finds; so theirs is the `description`, which every Neutron takes
with the first request and can be asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from rackless.model.naming import digest


@dataclass(frozen=True)
class Marks:
    """`site`: the identity of this installation, eight hexadecimal digits."""

    site: str

    @property
    def tag(self) -> str:
        """Of servers and images of this installation."""
        return f"rackless:{self.site}"

    def lab(self, sandbox: str) -> str:
        """Second tag of what belongs to a sandbox. Nova takes 60 characters."""
        return f"rackless-lab:{sandbox}"

    def description(self, sandbox: str) -> str:
        """Of networks and ports."""
        return f"rackless:{self.site}:{sandbox}"

    def name(self, sandbox: str, thing: str) -> str:
        """What the cloud's own tools show."""
        return f"rackless-{self.site}-{sandbox}-{thing}"

    def port(self, sandbox: str, machine: str, nic: int) -> str:
        return self.name(sandbox, f"{machine}-nic{nic}")

    def image(self, name: str, build: str) -> str:
        return f"rackless-{self.site}-{name}-{digest(build, 12)}"
