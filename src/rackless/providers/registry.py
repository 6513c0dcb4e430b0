"""The providers there are: one literal table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from rackless.images import store
from rackless.model.errors import InputError
from rackless.model.site import Site
from rackless.providers.contract import Provider
from rackless.providers.fake import FakeProvider
from rackless.providers.fake_cloud import FakeCloud
from rackless.providers.local.provider import LocalProvider
from rackless.settings import Settings


def _fake(settings: Settings, site: Site) -> Provider:
    """Its cloud is in the state directory, so that it outlives the server. A symbolic link there lets servers share one."""
    settings.make()
    return FakeProvider(FakeCloud(settings.state / "fake-cloud"))


def _local(settings: Settings, site: Site) -> Provider:
    return LocalProvider(settings, site, partial(store.find, settings.images))


PROVIDERS: Mapping[str, Callable[[Settings, Site], Provider]] = {
    "local": _local,
    "fake": _fake,
}


def make(name: str, settings: Settings, site: Site) -> Provider:
    """The provider called `name`.

    Raises:
        InputError: there is none of that name.
    """
    if name not in PROVIDERS:
        raise InputError(f"There is no provider {name}.", hint=f"Use one of: {', '.join(PROVIDERS)}.")
    return PROVIDERS[name](settings, site)
