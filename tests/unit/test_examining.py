"""A place says of itself what it has and what it lacks."""

from __future__ import annotations

from pathlib import Path

from rackless.model.errors import NotFoundError
from rackless.model.site import Site
from rackless.providers.contract import Checkable
from rackless.providers.fake import FakeProvider
from rackless.providers.fake_cloud import FakeCloud
from rackless.providers.local.provider import LocalProvider
from rackless.settings import Settings


async def test_a_pretended_cloud_that_is_well_and_one_that_is_not() -> None:
    cloud = FakeCloud(memory=1000)
    provider = FakeProvider(cloud)
    assert isinstance(provider, Checkable)
    assert [(one.name, one.ok) async for one in provider.examine()] == [("reachable", True), ("memory", True)]
    cloud.fail("examine", message="nobody answers")
    found = [one async for one in provider.examine()]
    assert (found[0].ok, found[0].detail) == (False, "nobody answers")
    assert found[0].hint


async def test_this_machine_examines_itself_and_names_the_image_it_lacks(tmp_path: Path) -> None:
    def find(name: str) -> None:
        raise NotFoundError(f"There is no image {name}.", hint="Build it.")

    settings = Settings(state=tmp_path, run=tmp_path, images=tmp_path, site_file=tmp_path / "site.yaml")
    provider = LocalProvider(settings, Site(), find)  # type: ignore[arg-type]
    assert isinstance(provider, Checkable)
    found = {one.name: one async for one in provider.examine()}
    assert not found["image reference"].ok
    assert found["image reference"].hint == "Build it."
    assert "memory" in found
    assert not found["socket paths"].ok  # a test's folder has a long name
    assert "RACKLESS_RUN" in found["socket paths"].hint
