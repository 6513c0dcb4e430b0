"""What this installation has: providers, pools, families. Read from site.yaml by `settings`; nothing here does I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rackless.model.family import Family
from rackless.model.hooks import Hook
from rackless.model.openid import OpenId
from rackless.model.places import OF_THIS_MACHINE, Place
from rackless.model.quotas import BOUNDLESS, Quota


@dataclass(frozen=True, kw_only=True)
class PoolRange:
    """Inclusive numbers of a pool, for example the console ports 9300..9399 (the original used 9300..9330)."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


ANY = "any"


@dataclass(frozen=True, kw_only=True)
class HookSecret:
    """A secret that hooks may send to these hosts. `file` holds it."""

    name: str
    file: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class HookRules:
    """What blueprints may have run on the server's machine, or called from it. Without a rule: nothing.

    `executables`: folder of those that may be run, or `any`. `hosts`: that may be called: names, `*.name`, addresses,
    networks, or `any`. `always`: the site's own hooks, run for every lab and bound by neither."""

    executables: str = ""
    hosts: tuple[str, ...] = ()
    secrets: tuple[HookSecret, ...] = ()
    always: tuple[Hook, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Free:
    """What nobody holds of a place: MiB of memory, and processors, of which it may be less than nothing."""

    memory: float
    processors: float


@dataclass(frozen=True, kw_only=True)
class Site:
    name: str = "default"
    provider: str = "local"
    """The place of what names none: a provider of this machine, or the name of one of `places`."""
    places: tuple[Place, ...] = ()
    families: tuple[Family, ...] = ()
    management_network: str = "172.29.0.0/16"
    """IPv4 network of the fxp0 addresses; its first address is this machine's."""
    taken_addresses: frozenset[str] = field(default_factory=frozenset)
    """Management addresses that other sandboxes hold; the plan avoids them."""
    free: Mapping[str, Free] = field(default_factory=dict, hash=False)
    """What the places of groups have left for what is planned now; one that is not in it gets nothing new."""
    leaving: frozenset[str] = frozenset()
    """Places of groups where nothing is to stay that could be elsewhere in the group."""
    console_ports: PoolRange = PoolRange(first=9300, last=9399)
    forward_ports: PoolRange = PoolRange(first=20000, last=20999)
    most_memory: int | None = None
    """MiB that labs may have together; None leaves it to what the provider bears. The same for the two below."""
    most_processors: int | None = None
    most_disk: int | None = None
    warn_before: float = 600.0
    """Seconds before a lab's end at which its users are warned."""
    reconcile_every: float = 300.0
    """Seconds between two comparisons of what the place has with what the store says."""
    heal: bool = False
    """Machines that stopped by themselves are brought back at such a comparison."""
    names: tuple[str, ...] = ()
    """Names and addresses by which browsers and clients reach this server, beside this machine's own."""
    behind_proxy: bool = False
    """A proxy on this machine tells who asks, and whether by TLS (X-Forwarded-For and -Proto)."""
    caller_rate: float = 50.0
    """Requests a second that a caller may send for long, and ten times as many at once; 0 for no limit."""
    stranger_rate: float = 5.0
    """The same for an address from which nobody known comes."""
    warm: bool = True
    """Machines start from warm templates where their family allows it."""
    warm_most: int = 4096
    """MiB of this machine's disk that such templates may take."""
    hooks: HookRules = HookRules()
    evacuate_after: float | None = None
    """Seconds of a VM host's silence after which it is given up, and what it had made anew elsewhere; None: only when asked."""
    quota: Quota = BOUNDLESS
    """Of every user for whom nothing else was set."""
    oidc: tuple[OpenId, ...] = ()
    """Providers by which users may log in."""
    webhook: str = ""
    """URL that is told of every change of a lab; empty for none."""

    @property
    def everywhere(self) -> tuple[Place, ...]:
        """Its places, that of `provider` first."""
        declared = {place.name: place for place in self.places}
        named = declared.get(self.provider) or OF_THIS_MACHINE.get(self.provider)
        first = (named,) if named is not None else ()
        return first + tuple(place for place in self.places if place is not named)

    def place(self, name: str) -> Place | None:
        """The place of this name; that of `provider` for none."""
        return next((place for place in self.everywhere if place.name == (name or self.provider)), None)

    def group(self, name: str) -> tuple[Place, ...]:
        """The places among which what names `name` is put: those of the group of that name; for "" those of the group of the
        site's own place. Empty where there is no choice."""
        own = self.place("")
        wanted = name or (own.group if own is not None else "")
        return tuple(place for place in self.everywhere if wanted and place.group == wanted)

    def family(self, name: str) -> Family | None:
        return next((family for family in self.families if family.name == name), None)
