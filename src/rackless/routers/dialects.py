"""What differs between the consoles of Junos-style routers, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """`terminal`: said in the CLI before anything else. `first`: statements before ours; `static_first`: and before a static
    address of fxp0. `steps`: from the login prompt to configuration mode at most: a CLI whose daemon is still starting sends
    its user back each time. `keys`: seconds that SSH host keys may take to be there after the commit that turns SSH on."""

    name: str
    terminal: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    static_first: tuple[str, ...] = ()
    steps: int = 25
    keys: float = 0.0
    noise: re.Pattern[str] | None = None
    """Where a message begins that the router writes to its console whoever uses it."""


REFERENCE = Dialect(name="reference")

JUNOS = Dialect(
    name="junos",
    # A line longer than the terminal is drawn anew at each letter, and completion changes what is typed.
    terminal=("set cli screen-width 0", "set cli screen-length 0", "set cli complete-on-space off"),
    # A factory configuration looks for an image to install, tells so on the console for ever, and asks for an address by DHCP.
    first=("delete chassis auto-image-upgrade",),
    static_first=("delete interfaces fxp0 unit 0 family inet dhcp",),
    steps=300,
    keys=120.0,
    noise=re.compile(r"Auto Image Upgrade: |(?:^|(?<=[#>%$] ))[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d +\S|kernel: "),
)
