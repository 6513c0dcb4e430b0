"""The connection: whom it trusts, that it logs in again, and that nothing waits for ever."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from tests.conformance import specs, vsphere_place
from tests.vsphere import vcenter

from rackless.model.errors import DeadlineError, InputError, ProviderError
from rackless.providers.vsphere.provider import VsphereProvider

pytestmark = pytest.mark.vsphere


async def failing(provider: VsphereProvider) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await provider.owned()
    await provider.close()
    return caught.value


async def test_a_certificate_of_an_unknown_authority_is_refused(venue) -> None:
    error = await failing(venue.provider(ca_file=None))
    assert "not trusted" in error.message
    assert "ca-file" in error.hint


async def test_a_certificate_of_another_name_is_refused(venue) -> None:
    # The certificate is for 127.0.0.1; localhost is the same machine under another name.
    error = await failing(venue.provider(server="localhost"))
    assert "not trusted" in error.message


async def test_an_authority_that_cannot_be_read_is_the_site_files_fault(venue, tmp_path) -> None:
    with pytest.raises(InputError, match="authority"):
        await venue.provider(ca_file=tmp_path / "none.pem").owned()


async def test_a_wrong_password_is_told_and_never_shown(venue, tmp_path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("hunter2\n")
    error = await failing(venue.provider(password_file=wrong))
    assert "InvalidLogin" in error.message
    assert "password" in error.hint
    assert "hunter2" not in str(error)


async def test_nobody_at_the_port(venue) -> None:
    error = await failing(venue.provider(port=venue.free_port()))
    assert "refused" in error.message


async def test_a_wrong_name_in_the_site_file_is_told(venue) -> None:
    for field in ("datacenter", "cluster", "resource_pool", "datastore", "switch"):
        with pytest.raises(InputError, match="nowhere") as caught:
            await venue.provider(**{field: "nowhere"}).ensure(specs.internal("lab", "west"))
        assert field.replace("_", "-") in caught.value.hint


async def test_sessions_that_end_are_begun_again() -> None:
    server = vcenter.VCenter(idle=1)
    try:
        server.image()
        place = vsphere_place.VsphereVenue(server)
        provider = place.provider()
        await provider.ensure(specs.internal("lab", "west"))
        await asyncio.sleep(2.5)  # The session's own end is what is waited for.
        # Many at once find it ended, and one logs in for all of them.
        await asyncio.gather(*(provider.ensure(specs.disk("lab", f"west-vfp{slot}")) for slot in range(6)))
        assert len(await provider.owned("lab")) == 7
        assert provider.calls["Login"] == 1
        await asyncio.to_thread(place.end)
    finally:
        server.end()


async def test_a_session_that_is_ended_at_each_call(venue) -> None:
    provider = venue.provider()
    venue.server.fault("fault", "AddDVPortgroup_Task", fault="NotAuthenticated")
    await provider.ensure(specs.internal("lab", "west"))
    assert provider.calls["Login"] == 1


async def test_a_password_that_was_changed_is_read_anew(venue, tmp_path) -> None:
    mine = tmp_path / "password"
    mine.write_text(venue.server.password.read_text())
    provider = venue.provider(password_file=mine)
    await provider.owned()
    mine.write_text("changed-since\n")
    venue.server.fault("fault", "RetrievePropertiesEx", fault="NotAuthenticated")
    with pytest.raises(ProviderError, match="InvalidLogin"):
        await provider.owned()
    mine.write_text(venue.server.password.read_text())
    venue.server.fault("fault", "RetrievePropertiesEx", fault="NotAuthenticated")
    assert await provider.owned() == ()


async def test_an_answer_that_never_comes_has_an_end(venue) -> None:
    provider = venue.provider()
    await provider.owned()
    provider.session._answer = 0.5
    venue.server.fault("stall", "CloneVM_Task")
    with pytest.raises(DeadlineError, match=r"clone tiny as west-vcp-disk0\.lab"):
        await provider.ensure(specs.disk("lab", "west-vcp"))


async def test_a_proxys_error_page_is_no_crash(venue) -> None:
    provider = venue.provider()
    venue.server.fault("status", "AddDVPortgroup_Task", times=9)
    with pytest.raises(ProviderError, match="503"):
        await provider.ensure(specs.internal("lab", "west"))


async def test_nothing_is_connected_before_the_first_verb(venue) -> None:
    provider = venue.provider()
    assert provider.info.name == "vsphere"
    assert venue.server.sent() == []


def test_what_we_trust_verifies_names_and_authorities(venue) -> None:
    context = venue.provider().session.trust()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
