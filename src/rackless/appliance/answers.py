"""What an appliance has to be told before it is a node: questions, what makes an answer wrong, and how answers are kept. Pure.

The same questions are the properties of the OVF descriptor, the keys of a cloud-init seed and the lines of the console's menu.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rackless.model.errors import InputError

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Part(StrEnum):
    """Which part this appliance plays."""

    SINGLE = "single"
    FIRST = "first"
    JOIN = "join"
    APPLICATION = "application"
    WITNESS = "witness"


PARTS: Mapping[Part, str] = {
    Part.SINGLE: "a server by itself; can become a fabric later",
    Part.FIRST: "the first node of a new fabric",
    Part.JOIN: "joins a fabric, with all functions",
    Part.APPLICATION: "joins a fabric, for more machines and requests only",
    Part.WITNESS: "joins a fabric as witness: a vote and nothing else",
}
JOINING = frozenset({Part.JOIN, Part.APPLICATION, Part.WITNESS})
LEAST_PASSWORD = 10
MOST = 300
"""Characters of an answer; of a token or key, ten times as many."""
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME = re.compile(
    r"(?=.{1,253}\Z)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?"
)
_SSH_KEY = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+|sk-\S+) [A-Za-z0-9+/]{40,}={0,3}( .*)?")


@dataclass(frozen=True, kw_only=True)
class Question:
    """`key` is for programs and never changes; `secret`: not shown, kept no longer than needed."""

    key: str
    label: str
    about: str
    default: str = ""
    secret: bool = False
    choices: tuple[str, ...] = ()


QUESTIONS = (
    Question(key="hostname", label="Host name", about="Letters, digits and hyphens; no other node has it.", default="rackless"),
    Question(
        key="address",
        label="Address",
        about="With its prefix length, as 10.0.0.11/24; dhcp takes what the network gives (a single server only).",
        default="dhcp",
    ),
    Question(key="gateway", label="Gateway", about="Address of the router of that subnet; empty for none."),
    Question(key="dns", label="DNS servers", about="Addresses with spaces between; empty for none, or those of DHCP."),
    Question(
        key="ntp",
        label="NTP servers",
        about="Names or addresses with spaces between; every node of a fabric has the same, outside of it.",
    ),
    Question(
        key="role",
        label="Role",
        about="What this appliance is.",
        default=Part.SINGLE.value,
        choices=tuple(part.value for part in Part),
    ),
    Question(
        key="virtual-ip",
        label="Virtual IP",
        about="First node: the web address of the fabric, in the same subnet; it moves to another node when this one fails.",
    ),
    Question(
        key="token",
        label="Join token",
        about="Joining: what `rackless fabric add NAME` printed on a node of the fabric, for this host name.",
        secret=True,
    ),
    Question(
        key="password",
        label="Password of admin",
        about=f"For the console, SSH and the web; {LEAST_PASSWORD} characters at least. SSH and web are off until it is set.",
        secret=True,
    ),
    Question(key="ssh-key", label="SSH key", about="A public key with which admin may log in too; empty for none."),
)
KNOWN: Mapping[str, Question] = {question.key: question for question in QUESTIONS}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """`key`: the question that it is about; `text`: a sentence with the values that differ, and the way out."""

    key: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Checked. `interface` None: by DHCP. `password` empty: was set before."""

    hostname: str
    part: Part
    interface: Interface | None = None
    gateway: Address | None = None
    dns: tuple[Address, ...] = ()
    ntp: tuple[str, ...] = ()
    virtual_ip: Address | None = None
    token: str = ""
    password: str = ""
    ssh_key: str = ""


def defaults() -> dict[str, str]:
    return {question.key: question.default for question in QUESTIONS}


def clean(values: Mapping[str, str]) -> dict[str, str]:
    """Every question with its answer or default. What was given empty is taken as not given.

    Raises:
        InputError: a key that is no question's.
    """
    unknown = sorted(set(values) - set(KNOWN))
    if unknown:
        raise InputError(
            f"The appliance is told {', '.join(map(repr, unknown))}, which it does not ask for.",
            hint=f"It asks for {', '.join(KNOWN)}.",
        )
    given = {key: value.strip() if key != "password" else value for key, value in values.items()}
    return {key: given.get(key) or default for key, default in defaults().items()}


def words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.replace(",", " ").split()))


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _interface(text: str) -> Interface | None:
    try:
        return ipaddress.ip_interface(text) if "/" in text else None
    except ValueError:
        return None


def _usable(found: Interface) -> bool:
    """It can be a host's own: not the network's, not its broadcast, not loopback or multicast."""
    net = found.network
    ends = {net.network_address, net.broadcast_address} if net.num_addresses > 2 else set()
    return found.ip not in ends and not (found.ip.is_loopback or found.ip.is_multicast or found.ip.is_unspecified)


def problems(values: Mapping[str, str], *, password_set: bool = False) -> tuple[Problem, ...]:
    """All at once, in the order of the questions. `password_set`: there is one from before, so none has to be given."""
    given = clean(values)
    found = [Problem(key=key, text=text) for key, text in _problems(given, password_set)]
    order = list(KNOWN)
    return tuple(sorted(found, key=lambda problem: order.index(problem.key)))


def _problems(given: dict[str, str], password_set: bool) -> Iterator[tuple[str, str]]:
    for key, value in given.items():
        if len(value) > (10 * MOST if key in {"token", "ssh-key"} else MOST) or not value.isprintable():
            yield key, f"{KNOWN[key].label} is too long, or has characters that cannot be printed."
            return
    if not _HOST.fullmatch(given["hostname"]):
        yield "hostname", f"{given['hostname']!r} is no host name: small letters, digits and hyphens, 63 at most."
    if given["role"] not in list(Part):
        yield "role", f"{given['role']!r} is no role: {', '.join(Part)}."
        return
    for look in (_network_problems, _server_problems, _address_of_fabric_problems, _joining_problems):
        yield from look(given, Part(given["role"]))
    yield from _secret_problems(given, password_set)


def _network_problems(given: dict[str, str], part: Part) -> Iterator[tuple[str, str]]:
    own = _interface(given["address"])
    if given["address"] == "dhcp":
        if part is not Part.SINGLE:
            yield "address", "A node of a fabric has a fixed address: the others and its certificate know it by that."
    elif own is None:
        yield "address", f"{given['address']!r} is no address with a prefix length, as 10.0.0.11/24."
    elif not _usable(own):
        yield "address", f"{own} is the network's own, a broadcast or a special address, and no host can have it."
    if given["gateway"]:
        gateway = _address(given["gateway"])
        if gateway is None:
            yield "gateway", f"{given['gateway']!r} is no address."
        elif own is None:
            yield "gateway", "With DHCP the gateway comes from the network: leave it empty."
        elif gateway == own.ip or gateway not in own.network:
            yield "gateway", f"The gateway {gateway} is not another address in {own.network}, so it could not be reached."


def _server_problems(given: dict[str, str], part: Part) -> Iterator[tuple[str, str]]:
    own = _interface(given["address"])
    for each in words(given["dns"]):
        if _address(each) is None:
            yield "dns", f"{each!r} is no address; DNS servers are given by address."
    for each in words(given["ntp"]):
        if _address(each) is None and not _NAME.fullmatch(each):
            yield "ntp", f"{each!r} is neither a name nor an address."
        elif own is not None and _address(each) == own.ip:
            yield "ntp", "The appliance cannot be its own time source: name one outside of the fabric."
    if part is not Part.SINGLE and not words(given["ntp"]):
        yield "ntp", "A node of a fabric needs an NTP server, the same on every node: without it the nodes drift apart."


def _address_of_fabric_problems(given: dict[str, str], part: Part) -> Iterator[tuple[str, str]]:
    own = _interface(given["address"])
    if not given["virtual-ip"]:
        return
    virtual = _address(given["virtual-ip"].partition("/")[0])
    if part is not Part.FIRST:
        yield "virtual-ip", "Only the first node is told the virtual IP; others learn it from the fabric. Leave it empty."
    elif virtual is None:
        yield "virtual-ip", f"{given['virtual-ip']!r} is no address."
    elif own is not None and virtual not in own.network:
        yield "virtual-ip", f"The virtual IP {virtual} is not in {own.network}: routers would not find it on another node."
    elif own is not None and (virtual == own.ip or str(virtual) == given["gateway"]):
        yield "virtual-ip", f"The virtual IP {virtual} is this node's own address, or the gateway's: it needs one of its own."


def _joining_problems(given: dict[str, str], part: Part) -> Iterator[tuple[str, str]]:
    if part in JOINING and not given["token"]:
        yield "token", f"To join, give a token: `rackless fabric add {given['hostname']}` on a node of the fabric prints one."
    elif part not in JOINING and given["token"]:
        yield "token", f"{KNOWN['token'].label} is for joining a fabric only. Leave it empty, or choose another role."


def _secret_problems(given: dict[str, str], password_set: bool) -> Iterator[tuple[str, str]]:
    password = given["password"]
    if not password and not password_set:
        yield "password", "The password of admin is not set: until then SSH and web stay off."
    elif password and len(password) < LEAST_PASSWORD:
        yield "password", f"The password has {len(password)} characters, and needs {LEAST_PASSWORD} at least."
    elif password and (
        password.strip() != password or password.lower() in {given["hostname"] * 2, "administrator", "1234567890"}
    ):
        yield "password", "The password begins or ends with a space, or is too easy to guess."
    if given["ssh-key"] and not _SSH_KEY.fullmatch(given["ssh-key"]):
        yield "ssh-key", "That is no public SSH key in one line (ssh-ed25519 AAAA... name)."


def checked(values: Mapping[str, str], *, password_set: bool = False) -> Answers:
    """
    Raises:
        InputError: something is wrong; the message has every problem.
    """
    wrong = problems(values, password_set=password_set)
    if wrong:
        raise InputError(
            " ".join(f"{KNOWN[problem.key].label}: {problem.text}" for problem in wrong), hint="Correct it, and set up again."
        )
    given = clean(values)
    return Answers(
        hostname=given["hostname"],
        part=Part(given["role"]),
        interface=_interface(given["address"]),
        gateway=_address(given["gateway"]),
        dns=tuple(found for each in words(given["dns"]) if (found := _address(each)) is not None),
        ntp=words(given["ntp"]),
        virtual_ip=_address(given["virtual-ip"].partition("/")[0]) if given["virtual-ip"] else None,
        token=given["token"],
        password=given["password"],
        ssh_key=given["ssh-key"],
    )


def kept(values: Mapping[str, str]) -> dict[str, str]:
    """What is written down for the next start: all but secrets."""
    return {key: value for key, value in clean(values).items() if not KNOWN[key].secret}
