"""Hooks of a blueprint that is applied: they run in their phases, a failing one stops the change, and what is not allowed is
refused before anything is done."""

from __future__ import annotations

from tests.unit.api_client import Client
from tests.unit.test_apply import apply, boots
from tests.unit.test_hooks import SMALL, Site, database_url, site

__all__ = ["database_url", "site"]

MORE = SMALL + "  east: {cards: 1, ports_per_card: 1}\nwires:\n  - [west:ge-0/0/0, east:ge-0/0/0]\n"


async def test_hooks_run_in_their_phases(client: Client, site: Site) -> None:
    await client.up(SMALL)
    for phase in ("pre-provisioning", "post-provisioning", "configuration"):
        site.script(phase, f"cat > {site.seen}/{phase}")
    hooks = "hooks:\n" + "".join(f"  {path.name}:\n    - run: [{path.name}]\n" for path in sorted(site.executables.iterdir()))
    assert (await apply(client, MORE + hooks))["ended"]["state"] == "succeeded"
    # Beside the check nothing is made yet; then ports are there and no wire; at last the wire is.
    assert [wire["state"] for wire in site.lab("pre-provisioning")["wires"]] == ["planned"]
    early = {machine["name"]: machine["state"] for machine in site.lab("pre-provisioning")["machines"]}
    assert (early["west-vcp"], early["east-vcp"]) == ("running", "planned")
    assert site.lab("post-provisioning")["wires"][0]["state"] == "planned"
    assert site.lab("configuration")["wires"][0]["state"] == "connected"
    assert (await client.ask("GET", "/labs/lab"))["state"] == "ready"
    assert boots(client)["west-vcp"] == 1
    # Nothing differs any more, and no hook runs.
    assert (await apply(client, MORE + hooks, status=200))["kind"] == "unchanged"


async def test_a_hook_that_fails_stops_the_change_and_another_apply_completes_it(client: Client, site: Site) -> None:
    await client.up(SMALL)
    site.script("no", "echo not today; exit 1")
    found = await apply(client, MORE + "hooks:\n  provisioning:\n    - run: [no]\n")
    assert found["ended"]["error"]["code"] == "hook"
    assert (await client.ask("GET", "/labs/lab"))["state"] == "failed"
    assert (await apply(client, MORE))["ended"]["state"] == "succeeded"
    lab = await client.ask("GET", "/labs/lab")
    assert (lab["state"], [wire["state"] for wire in lab["wires"]]) == ("ready", ["connected"])
    assert boots(client)["west-vcp"] == 1


async def test_what_the_site_does_not_allow_is_refused(client: Client) -> None:
    await client.up(SMALL)
    error = await apply(client, MORE + "hooks:\n  provisioning:\n    - run: [/bin/true]\n", status=422)
    assert "/bin/true" in error["detail"]
    assert (await client.ask("GET", "/labs/lab"))["state"] == "ready"
    assert len(boots(client)) == 2
