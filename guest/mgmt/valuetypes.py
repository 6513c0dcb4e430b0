"""Types of values: each checks a text, gives it back in its one normal form, or says what is wrong."""

from __future__ import annotations

import ipaddress
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Type:
    """`label` is what help shows between angle brackets; `check` returns the normal form or raises ValueError."""

    __slots__ = ("check", "choices", "label", "numeric")

    def __init__(self, label: str, check: Callable[[str], str], choices: Mapping[str, str] | None = None, *,
                 numeric: bool = False) -> None:  # fmt: skip
        self.numeric = numeric
        """Whole numbers: JSON shows them as such."""
        self.label = label
        self.check = check
        self.choices = choices
        """Words and their help when the type is a closed set."""


def pattern(label: str, expression: str, reason: str) -> Type:
    compiled: list[re.Pattern[str]] = []

    def check(text: str) -> str:
        if not compiled:
            compiled.append(re.compile(expression))
        if compiled[0].fullmatch(text) is None:
            raise ValueError(f"invalid value '{text}': {reason}")
        return text

    return Type(label, check)


def number(label: str, low: int, high: int) -> Type:
    def check(text: str) -> str:
        if not (text.isascii() and text.isdigit()):
            raise ValueError(f"invalid value '{text}': a whole number from {low} to {high} is needed")
        if not low <= int(text) <= high:
            raise ValueError(f"Value {int(text)} is not within range ({low}..{high})")
        return str(int(text))

    return Type(label, check, numeric=True)


def one_of(label: str, **words: str) -> Type:
    """A closed set; an underscore in a keyword stands for a hyphen."""
    choices = {word.replace("_", "-"): help_ for word, help_ in words.items()}

    def check(text: str) -> str:
        if text not in choices:
            raise ValueError(f"invalid value '{text}': one of {', '.join(choices)} is needed")
        return text

    return Type(label, check, choices)


def _text(text: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("control characters are not allowed")
    if len(text) > 255:
        raise ValueError("at most 255 characters are allowed")
    return text


def _address(version: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise ValueError(f"invalid value '{text}': an IPv{version} address is needed") from None
        if address.version != version:
            raise ValueError(f"invalid value '{text}': an IPv{version} address is needed")
        return str(address)

    return check


def _any_address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"invalid value '{text}': an IP address is needed") from None


def _interface_address(version: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            value = ipaddress.ip_interface(text)
        except ValueError:
            raise ValueError(f"invalid value '{text}': an IPv{version} address with prefix length is needed") from None
        if value.version != version:
            raise ValueError(f"invalid value '{text}': an IPv{version} address with prefix length is needed")
        if value.ip.is_multicast or value.ip.is_unspecified:
            raise ValueError(f"invalid value '{text}': not an address that an interface may have")
        if (
            version == 4
            and value.network.prefixlen < 31
            and value.ip
            in (
                value.network.network_address,
                value.network.broadcast_address,
            )
        ):
            raise ValueError(f"invalid value '{text}': this is the network's own or broadcast address")
        return str(value)

    return check


def _prefix(text: str) -> str:
    word = {"default": "0.0.0.0/0"}.get(text, text)
    try:
        return str(ipaddress.ip_network(word))
    except ValueError:
        pass
    try:
        network = ipaddress.ip_network(word, strict=False)
    except ValueError:
        raise ValueError(f"invalid value '{text}': a prefix like 10.1.0.0/16 is needed") from None
    raise ValueError(f"invalid value '{text}': host bits are set, did you mean {network}?")


def _area(text: str) -> str:
    if text.isascii() and text.isdigit() and int(text) < 2**32:
        return str(ipaddress.IPv4Address(int(text)))
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise ValueError(f"invalid value '{text}': an area is a number or has the form a.b.c.d") from None


def _host(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        if re.fullmatch(r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*", text):
            if re.fullmatch(r"[0-9.]+", text):
                raise ValueError(f"invalid value '{text}': not a complete IPv4 address") from None
            return text
        raise ValueError(f"invalid value '{text}': a host name or an IP address is needed") from None


INTERFACE_PATTERN = r"(fxp0|lo0|irb|ae(12[0-7]|1[01][0-9]|[1-9]?[0-9])|ge-(1[0-1]|[0-9])/0/[0-9])"
INTERFACE_REASON = "fxp0, lo0, irb, ae<number> or ge-<card>/0/<port>, like ge-0/0/0, is needed"
UNIT_MOST = 16385
"""Highest unit number of the original."""

text = Type("text", _text)
interface = pattern("interface-name", INTERFACE_PATTERN, INTERFACE_REASON)


def _logical(text: str) -> str:
    name, _, unit = text.partition(".")
    if re.fullmatch(r"0|[1-9][0-9]{0,4}", unit) and int(unit) <= UNIT_MOST and re.fullmatch(INTERFACE_PATTERN, name):
        return text
    if re.fullmatch(INTERFACE_PATTERN, text):
        return text + ".0"
    raise ValueError(f"invalid value '{text}': a logical interface like ge-0/0/0.0 is needed")


def _irb(text: str) -> str:
    if not text.startswith("irb"):
        raise ValueError(f"invalid value '{text}': an integrated routing and bridging interface like irb.10 is needed")
    return _logical(text)


def _vlan_or_none(text: str) -> str:
    if text == "none" or (re.fullmatch(r"[1-9][0-9]{0,3}", text) and int(text) <= 4094):
        return text
    raise ValueError(f"invalid value '{text}': a VLAN identifier from 1 to 4094 or 'none' is needed")


def _vlans(text: str) -> str:
    found = re.fullmatch(r"([1-9][0-9]{0,3})(?:-([1-9][0-9]{0,3}))?", text)
    if found is None or not int(found[1]) <= int(found[2] or found[1]) <= 4094:
        raise ValueError(f"invalid value '{text}': a VLAN identifier or a range like 10-20 is needed")
    return text


def _logical_or_all(text: str) -> str:
    return text if text == "all" else _logical(text)


def _hash(text: str) -> str:
    if re.fullmatch(r"\$(6|5|y|2[aby]|1)\$[^\s:]{8,250}", text) is None:
        raise ValueError("invalid value: a password hash as crypt(3) makes it ($6$...) is needed, not the password itself")
    return text


def _key(kind: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        # The key must be of the announced kind and real base64, else sshd would drop it silently.
        import base64
        import binascii

        words = text.split(None, 2)
        if len(words) < 2 or words[0] != kind or "\n" in text:
            raise ValueError(f"invalid value: a public key line that starts with {kind} is needed")
        try:
            blob = base64.b64decode(words[1], validate=True)
        except binascii.Error:
            raise ValueError("invalid value: the key's base64 is damaged") from None
        if blob[4 : 4 + len(kind)] != kind.encode():
            raise ValueError(f"invalid value: the key's content is not of type {kind}")
        return text

    return check


def _ecdsa(text: str) -> str:
    kind = text.split(None, 1)[0] if text.split() else ""
    if not kind.startswith("ecdsa-sha2-nistp"):
        raise ValueError("invalid value: a public key line that starts with ecdsa-sha2-nistp is needed")
    return _key(kind)(text)


def _password(text: str) -> str:
    if len(text) < 6:
        raise ValueError("minimum password length is 6")
    if len({_kind(character) for character in text}) < 2:
        raise ValueError("require change of case, digits or punctuation")
    if "\n" in text or "\0" in text or len(text) > 128:
        raise ValueError("at most 128 printable characters are allowed")
    return text


def _kind(character: str) -> int:
    return (character.isupper(), character.islower(), character.isdigit(), True).index(True)


def _zone(text: str) -> str:
    if re.fullmatch(r"(UTC|[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2})", text) is None:
        raise ValueError(f"invalid value '{text}': a time zone like UTC or Europe/Berlin is needed")
    return text


def _net(text: str) -> str:
    digits = text.replace(".", "")
    if not re.fullmatch(r"[0-9a-fA-F]{2}(\.[0-9a-fA-F]{4}){3,9}\.00", text) or not 16 <= len(digits) <= 40:
        raise ValueError(f"invalid value '{text}': an ISO address like 49.0001.0100.0000.0001.00 is needed")
    return text.lower()


def _autonomous(text: str) -> str:
    high, dot, low = text.partition(".")
    if dot and high.isdigit() and low.isdigit() and int(high) < 65536 and int(low) < 65536:
        return str(int(high) * 65536 + int(low))
    return number("as-number", 1, 2**32 - 1).check(text)


def listed(check: Type, label: str = "") -> Type:
    """Several values of a type in one word or text, parted by blanks (`"65000 65000"`)."""

    def parts(text: str) -> str:
        found = [check.check(word) for word in text.split()]
        if not found:
            raise ValueError("at least one value is needed")
        return " ".join(found)

    return Type(label or check.label, parts)


def either(label: str, *types: Type) -> Type:
    """The first of the types that takes it; the reason is the last one's."""

    def check(text: str) -> str:
        for one in types[:-1]:
            try:
                return one.check(text)
            except ValueError:
                continue
        return types[-1].check(text)

    return Type(label, check)


PORTS = {
    "afs": 1483, "bgp": 179, "biff": 512, "bootpc": 68, "bootps": 67, "cmd": 514, "cvspserver": 2401, "dhcp": 67, "domain": 53,
    "eklogin": 2105, "ekshell": 2106, "exec": 512, "finger": 79, "ftp": 21, "ftp-data": 20, "http": 80, "https": 443,
    "ident": 113, "imap": 143, "kerberos-sec": 88, "klogin": 543, "kpasswd": 761, "krb-prop": 754, "krbupdate": 760,
    "kshell": 544, "ldap": 389, "ldp": 646, "login": 513, "mobileip-agent": 434, "mobilip-mn": 435, "msdp": 639,
    "netbios-dgm": 138, "netbios-ns": 137, "netbios-ssn": 139, "nfsd": 2049, "nntp": 119, "ntalk": 518, "ntp": 123,
    "pop3": 110, "pptp": 1723, "printer": 515, "radacct": 1813, "radius": 1812, "rip": 520, "rkinit": 2108, "smtp": 25,
    "snmp": 161, "snmptrap": 162, "snpp": 444, "socks": 1080, "ssh": 22, "sunrpc": 111, "syslog": 514, "tacacs": 49,
    "tacacs-ds": 65, "talk": 517, "telnet": 23, "tftp": 69, "timed": 525, "who": 513, "xdmcp": 177,
}  # fmt: skip
"""Port names of the original's filters (its documentation of `destination-port`), which are not all those of /etc/services."""
PROTOCOLS = {
    "ah": 51, "egp": 8, "esp": 50, "gre": 47, "icmp": 1, "icmp6": 58, "icmpv6": 58, "igmp": 2, "ipip": 4, "ipv6": 41,
    "no-next-header": 59, "ospf": 89, "pim": 103, "rsvp": 46, "sctp": 132, "tcp": 6, "udp": 17, "vrrp": 112,
}  # fmt: skip
DSCP = {"be": 0, "ef": 46, "cs0": 0, **{f"cs{n}": 8 * n for n in range(1, 8)},
        **{f"af{high}{low}": 8 * high + 2 * low for high in range(1, 5) for low in range(1, 4)}}  # fmt: skip
ICMP = {
    "echo-reply": 0, "unreachable": 3, "source-quench": 4, "redirect": 5, "echo-request": 8, "router-advertisement": 9,
    "router-solicit": 10, "time-exceeded": 11, "parameter-problem": 12, "timestamp": 13, "timestamp-reply": 14,
    "info-request": 15, "info-reply": 16, "mask-request": 17, "mask-reply": 18,
}  # fmt: skip
ICMP6 = {
    "destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4, "echo-request": 128,
    "echo-reply": 129, "membership-query": 130, "membership-report": 131, "membership-termination": 132,
    "router-solicit": 133, "router-advertisement": 134, "neighbor-solicit": 135, "neighbor-advertisement": 136, "redirect": 137,
}  # fmt: skip


def named(label: str, names: Mapping[str, int], most: int, *, ranges: bool = True) -> Type:
    """A number from 0 to `most`, one of the names, or a range of both (`ssh`, `1024-65535`)."""

    def check(text: str) -> str:
        if text in names:
            return text
        low, dash, high = text.partition("-")
        for word in (low, high) if dash and ranges else (text,):
            if word not in names and not (word.isascii() and word.isdigit() and int(word) <= most):
                raise ValueError(
                    f"invalid value '{text}': a number up to {most}{' or a range' if ranges else ''} is needed, or a known name"
                )
        if dash and ranges and names.get(low, -1) < 0 <= names.get(high, -1):
            return text
        if dash and ranges and int(names.get(low, low)) > int(names.get(high, high)):
            raise ValueError(f"invalid value '{text}': the range ends before it begins")
        return text

    return Type(label, check)


def _rate(text: str) -> str:
    if re.fullmatch(r"[1-9][0-9]*[kmg]?", text) is None:
        raise ValueError(f"invalid value '{text}': a number with k, m or g is needed")
    return text


def amount(text: str) -> int:
    """10m -> 10000000."""
    return int(text.rstrip("kmg")) * {"k": 10**3, "m": 10**6, "g": 10**9}.get(text[-1], 1)


def _loose_prefix(text: str) -> str:
    """A prefix, or an address as its host prefix."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError(f"invalid value '{text}': a prefix like 10.1.0.0/16 is needed") from None


def _community(text: str) -> str:
    words = ("no-export", "no-advertise", "no-export-subconfed")
    if text in words or re.fullmatch(r"(large:\d+:\d+:\d+|(target|origin):[0-9.]+:\d+)", text):
        return text
    found = re.fullmatch(r"(\d+):(\d+)", text)
    if found and all(int(part) <= 65535 for part in found.groups()):
        return text
    if not re.fullmatch(r"[0-9.:*+?^$\[\](){}|\\-]+", text) or found:
        raise ValueError(
            f"invalid value '{text}': a community like 65000:100, large:65000:1:2, target:65000:1 or no-export is needed"
        )
    try:
        re.compile(text)
    except re.error:
        raise ValueError(f"invalid value '{text}': not a regular expression") from None
    return text


def _as_path(text: str) -> str:
    from .aspath import posix

    posix(text)
    return text


def _length_range(text: str) -> str:
    found = re.fullmatch(r"/(\d{1,3})-/(\d{1,3})", text)
    if found is None or not int(found.group(1)) <= int(found.group(2)) <= 128:
        raise ValueError(f"invalid value '{text}': lengths like /24-/28 are needed")
    return text


logical_interface = Type("interface-name", _logical)
irb = Type("interface-name", _irb)
vlan_or_none = Type("vlan-id", _vlan_or_none)
vlan_range = Type("vlan-id", _vlans)
logical_or_all = Type("interface-name", _logical_or_all)
ipv4 = Type("address", _address(4))
ipv6 = Type("address", _address(6))
address = Type("address", _any_address)
ipv4_interface = Type("address/prefix-length", _interface_address(4))
ipv6_interface = Type("address/prefix-length", _interface_address(6))
prefix = Type("destination-prefix", _prefix)
area = Type("area-id", _area)
host = Type("host", _host)
host_name = pattern(
    "host-name",
    r"(?=.{1,63}\Z)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?",
    "letters, digits and inner hyphens, at most 63, are needed",
)
user_name = pattern(
    "user-name", r"[a-z_][a-z0-9_-]{0,31}", "a user name starts with a lower-case letter and has at most 32 of a-z, 0-9, - and _"
)
password_hash = Type("hash", _hash)
password = Type("password", _password)
ed25519_key = Type("key", _key("ssh-ed25519"))
rsa_key = Type("key", _key("ssh-rsa"))
ecdsa_key = Type("key", _ecdsa)
time_zone = Type("zone", _zone)
community = pattern(
    "community", r"[!#-\[\]-~]{1,64}", "1 to 64 printable characters without blanks, quotes and backslashes are needed"
)
iso_address = Type("iso-address", _net)
as_number = Type("as-number", _autonomous)
file_name = pattern("filename", r"[^\0\n]+", "a file name is needed")


def address_or_prefix(text: str) -> str:
    """What `show route` takes: an address, or a prefix."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return _prefix(text)


name = pattern(
    "name", r"[A-Za-z0-9_./:-][A-Za-z0-9 _./:-]{0,62}", "letters, digits, blanks and any of _ . / : - are needed, at most 63"
)
any_prefix = Type("prefix", _loose_prefix)
port = named("port", PORTS, 65535)
protocol = named("protocol", PROTOCOLS, 255, ranges=False)
dscp = named("dscp", DSCP, 63, ranges=False)
icmp_type = named("icmp-type", ICMP | ICMP6, 255)
rate = Type("rate", _rate)
community_member = Type("community", _community)
as_path = Type("as-path-expression", _as_path)
as_list = listed(as_number, "as-path")
length = pattern("length", r"/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])", "a prefix length like /24 is needed")
length_range = Type("length-range", _length_range)
object_id = pattern("oid", r"\.?[0-9A-Za-z-]+(\.[0-9]+)*", "an object identifier like .1.3.6.1 is needed")
secret = pattern("key", r"[!-~]{1,128}", "1 to 128 printable characters without blanks are needed")
size = pattern("size", r"[1-9][0-9]{0,9}[kmg]?", "a number with k, m or g is needed")
word = pattern("word", r"\S{1,128}", "a word without blanks is needed")
star = pattern("*", r"\*", "*")


def _long_text(text: str) -> str:
    if len(text) > 4096 or any(ord(character) < 32 and character not in "\n\t" for character in text):
        raise ValueError("at most 4096 characters are allowed, and no control characters but \\n and \\t")
    return text


long_text = Type("text", _long_text)
domain = pattern(
    "domain-name",
    r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*",
    "a domain name like example.net is needed",
)
rib = pattern("routing-table-name", r"([A-Za-z0-9_-]+\.)?inet6?\.0", "inet.0 or inet6.0 is needed")
aggregate = pattern("interface-name", r"ae(12[0-7]|1[01][0-9]|[1-9]?[0-9])", "an aggregate like ae0 is needed")
physical_or_all = pattern("interface-name", f"all|{INTERFACE_PATTERN}", "all or " + INTERFACE_REASON)
tcp_flags = pattern("tcp-flags", r"[a-z&|!() +0-9x]{1,64}", 'flags like syn, "(syn & !ack)" are needed')
