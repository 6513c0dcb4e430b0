"""Names and MACs, computed from (sandbox, router, card, nic) so that a repeated step finds what the first try made."""

from __future__ import annotations

import hashlib
import re

NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")
NAME_MOST = 32
"""Characters of a sandbox, router or host name; keeps `<router>-vfp11` a valid host name everywhere."""


def is_name(text: str) -> bool:
    """True for lower-case letters, digits and single inner hyphens, starting with a letter, at most 32 characters."""
    return len(text) <= NAME_MOST and NAME.match(text) is not None


def controller(router: str) -> str:
    return f"{router}-vcp"


def card(router: str, slot: int) -> str:
    return f"{router}-vfp{slot}"


_CARD = re.compile(r"(.+)-vfp(\d+)\Z")


def is_card(machine: str) -> bool:
    return _CARD.match(machine) is not None


def spoken(machine: str) -> str:
    """A machine as its user knows it: "card 1 of west"; others by their name."""
    match = _CARD.match(machine)
    return f"card {match[2]} of {match[1]}" if match else machine


_CARD_IN_TEXT = re.compile(r"\b([a-z][a-z0-9]*(?:-[a-z0-9]+)*)-vfp(\d+)\b")


def spoken_in(text: str) -> str:
    """A text with every card in it called as its user knows it."""
    return _CARD_IN_TEXT.sub(r"card \2 of \1", text)


def disk(machine: str, number: int = 0) -> str:
    return f"{machine}-disk{number}"


def internal_segment(router: str) -> str:
    return f"{router}-internal"


def port_label(card_slot: int, port: int) -> str:
    return f"ge-{card_slot}/0/{port}"


def kernel_port(label: str) -> str:
    """The Unix interface of a port: ge-0/0/0 is ge-0-0-0, as the original's shell shows it."""
    return label.replace("/", "-")


def wire_segment(end_a: str, end_b: str) -> str:
    """The same for both orders of the ends; short, because socket paths are limited to 107 bytes."""
    return "wire-" + digest("|".join(sorted((end_a, end_b))), 10)


def digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def mac(sandbox: str, machine: str, nic: int) -> str:
    """A locally administered unicast MAC (IEEE 802: second-least bit of the first octet set, least bit clear).

    The last octet's low bits are the NIC index, so that the NICs of a machine are neighbours and never collide.
    """
    if not 0 <= nic < 32:
        raise ValueError(f"NIC index {nic} is outside 0..31")
    value = bytearray(hashlib.sha256(f"{sandbox}/{machine}".encode()).digest()[:6])
    value[0] = 0x52
    value[5] = (value[5] & 0xE0) | nic
    return ":".join(f"{octet:02x}" for octet in value)


def mac_beside(first: str, nic: int) -> str:
    """The MAC of NIC `nic` of the machine whose NIC 0 has the MAC `first`."""
    octets = first.split(":")
    return ":".join([*octets[:5], f"{int(octets[5], 16) & 0xE0 | nic:02x}"])


def card_address(slot: int) -> str:
    """Internal address of a card: 128.0.0.16 + slot (fact of the vMX internal network)."""
    return f"128.0.0.{16 + slot}"


CONTROLLER_ADDRESSES = ("128.0.0.1", "128.0.0.4")
"""Internal addresses of the controller; without the second the vendor's file transfers to the cards time out."""
