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
    compiled = re.compile(expression)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
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


INTERFACE_PATTERN = r"(fxp0|lo0|ge-(1[0-1]|[0-9])/0/[0-9])"
INTERFACE_REASON = "fxp0, lo0 or ge-<card>/0/<port>, like ge-0/0/0, is needed"

text = Type("text", _text)
interface = pattern("interface-name", INTERFACE_PATTERN, INTERFACE_REASON)


def _logical(text: str) -> str:
    if re.fullmatch(INTERFACE_PATTERN + r"\.0", text):
        return text
    if re.fullmatch(INTERFACE_PATTERN, text):
        return text + ".0"
    raise ValueError(f"invalid value '{text}': a logical interface like ge-0/0/0.0 is needed")


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


logical_interface = Type("interface-name", _logical)
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
