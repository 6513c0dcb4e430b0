"""A node's certificates: signed by a node that votes, kept with the authority's own."""

from __future__ import annotations

from rackless.fabric.authority import Purpose, Subject, names_of
from rackless.fabric.places import Places
from rackless.model.errors import StateError
from rackless.model.fabric import Layout


def sign(places: Places, layout: Layout, request: str, purpose: Purpose, *, id: str, address: str) -> str:
    """For the node of that id. Raises StateError where the authority's key is not."""
    if not places.authority.signs:
        raise StateError("This node signs no certificates.", hint="Ask one that votes.")
    subject = Subject(fabric=layout.fabric, purpose=purpose, name=id)
    names = list(names_of(subject, address))
    if purpose is Purpose.WEB:
        names += filter(None, [layout.virtual_address.partition("/")[0]])
    return places.authority.sign(request, subject, names)


def keep(places: Places, purpose: Purpose, key: bytes, certificate: str) -> None:
    """With the authority's: those who join know the fabric by it."""
    places.own.write(f"{purpose}.key", key)
    places.own.write(f"{purpose}.crt", certificate + places.authority.certificate.read_text(encoding="ascii"))
