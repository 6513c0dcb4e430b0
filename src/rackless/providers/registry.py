"""The providers there are: one literal table, and what makes the places of a site out of it.

A provider and its libraries are imported when a place of its kind is made: a server pays at its start for those that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from rackless.images import store
from rackless.model.errors import InputError
from rackless.model.places import FakePlace, HostPlace, OpenStackPlace, Place, VspherePlace
from rackless.model.site import Site
from rackless.providers.contract import Provider
from rackless.providers.everywhere import Everywhere, Find
from rackless.settings import Settings


def _fake(place: Place, settings: Settings, site: Site) -> Provider:
    """Its cloud is in the state directory, so that it outlives the server. A symbolic link there lets servers share one."""
    from rackless.providers.fake import FakeProvider
    from rackless.providers.fake_cloud import FakeCloud

    assert isinstance(place, FakePlace)
    settings.make()
    folder = "fake-cloud" if place.name == "fake" else f"fake-cloud-{place.name}"
    return FakeProvider(FakeCloud(settings.state / folder, memory=place.memory), place=place)


def _local(place: Place, settings: Settings, site: Site) -> Provider:
    from rackless.providers.local.provider import LocalProvider

    return LocalProvider(settings, site, partial(store.find, settings.images))


def _host(place: Place, settings: Settings, site: Site) -> Provider:
    from rackless.providers.host.provider import HostProvider

    assert isinstance(place, HostPlace)
    return HostProvider(place, settings, site, partial(store.find, settings.images))


def _openstack(place: Place, settings: Settings, site: Site) -> Provider:
    from rackless.providers.openstack.provider import OpenStackProvider

    assert isinstance(place, OpenStackPlace)
    return OpenStackProvider(place, settings, site, partial(store.find, settings.images))


def _vsphere(place: Place, settings: Settings, site: Site) -> Provider:
    from rackless.providers.vsphere.provider import VsphereProvider

    assert isinstance(place, VspherePlace)
    return VsphereProvider(place, settings, site, partial(store.find, settings.images))


PROVIDERS: Mapping[str, Callable[[Place, Settings, Site], Provider]] = {
    "local": _local,
    "fake": _fake,
    "host": _host,
    "openstack": _openstack,
    "vsphere": _vsphere,
}


def make(settings: Settings, site: Site, find: Find) -> Provider:
    """The provider of a site: that of its only place, or all of them as one.

    Args:
        find: where a lab is, as the store has it.

    Raises:
        InputError: there is none of that name.
    """
    if site.place("") is None:
        raise InputError(f"There is no provider {site.provider}.", hint=f"Use one of: {', '.join(PROVIDERS)}.")
    places = {place.name: PROVIDERS[place.provider](place, settings, site) for place in site.everywhere}
    return Everywhere(places, find) if site.places else places[site.provider]
