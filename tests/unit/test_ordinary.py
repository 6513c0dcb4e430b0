"""What users, operators and admins see of a lab: the parts a router is made of are for operators."""

from __future__ import annotations

import json

import pytest
from tests.unit.test_users import PEOPLE, Site, site

from rackless.model.people import Role

__all__ = ["site"]

ORDINARY = sorted(name for name, role in PEOPLE.items() if role.rank < Role.OPERATOR.rank and name != "ulf")
OPERATORS = sorted(name for name, role in PEOPLE.items() if role.rank >= Role.OPERATOR.rank)
HIDDEN = ("west-vfp0", "west-internal")


@pytest.mark.parametrize("who", ORDINARY)
async def test_a_user_sees_a_chassis_with_cards_and_ports(site: Site, who: str) -> None:
    lab = await site.ask(who, "GET", "/labs/lab")
    assert [machine["name"] for machine in lab["machines"]] == ["west-vcp"]
    assert [machine["console_port"] for machine in lab["machines"]] == [None]
    assert [(card["slot"], card["state"]) for card in lab["routers"][0]["slots"]] == [(0, "running")]
    assert [(port["name"], port["machine"], port["ready"]) for port in lab["ports"]] == [("west:ge-0/0/0", "west", True)]
    (line,) = (await site.ask(who, "GET", "/labs"))["items"]
    assert (line["machines"], line["running"]) == (1, 1)
    plan = await site.ask(who, "POST", "/plans", site.client.blueprint("name: x\nrouters:\n  west: {}\n"))
    assert ([machine["name"] for machine in plan["machines"]], plan["networks"]) == (["west-vcp"], [])
    for answer in (lab, line, plan):
        assert not any(word in json.dumps(answer) for word in HIDDEN)
    await site.ask(who, "GET", "/labs/lab?all=true", status=403)
    await site.ask(who, "GET", "/labs/lab/machines/west-vfp0/transcript", status=404)
    assert (await site.answer(who, "GET", "/labs/lab/machines/west-vcp/transcript")).status_code == 200
    for path in ("/audit", "/pools", "/hosts"):
        await site.ask(who, "GET", path, status=403)


@pytest.mark.parametrize("who", OPERATORS)
async def test_operators_see_what_it_is_made_of_or_what_a_user_sees(site: Site, who: str) -> None:
    for path in ("/labs/lab", "/labs/lab?all=true"):
        lab = await site.ask(who, "GET", path)
        assert [machine["name"] for machine in lab["machines"]] == ["west-vcp", "west-vfp0"]
        assert all(machine["console_port"] for machine in lab["machines"])
        assert [network["machines"] for network in lab["networks"]] == [["west-vcp", "west-vfp0"]]
    assert (await site.answer(who, "GET", "/labs/lab/machines/west-vfp0/transcript")).status_code == 200
    (line,) = (await site.ask(who, "GET", "/labs"))["items"]
    assert (line["machines"], line["running"]) == (2, 2)
    small = await site.ask(who, "GET", "/labs/lab?all=false")
    assert not any(word in json.dumps(small) for word in HIDDEN)


async def test_a_stopped_card_is_told_by_its_slot(site: Site) -> None:
    site.client.cloud.kill("lab", "west-vfp0")
    lab = await site.ask("una", "GET", "/labs/lab")
    assert lab["note"] == "Stopped: card 0 of west. `rackless up` with the lab's blueprint brings it back."
    assert [(card["slot"], card["state"]) for card in lab["routers"][0]["slots"]] == [(0, "stopped")]
    (line,) = (await site.ask("una", "GET", "/labs"))["items"]
    assert line["note"] == lab["note"]
    assert "rackless restart lab west-vfp0" in (await site.ask("olga", "GET", "/labs/lab"))["note"]


async def test_only_owners_and_operators_apply_and_viewers_see_no_secret_of_a_blueprint(site: Site) -> None:
    text = "name: lab\nrouters:\n  west: {cards: 1, ports_per_card: 1, snmp: {community: 53cret-word}}\n"
    for who, status in (("viv", 403), ("uwe", 403), ("ulf", 404)):
        await site.ask(who, "PUT", "/labs/lab/blueprint", {"text": text}, status=status)
    refused = await site.ask("una", "PUT", "/labs/lab/blueprint", {"text": text}, status=409)
    assert "snmp.community is another" in refused["detail"]
    done = await site.ask("una", "PUT", "/labs/lab/blueprint?wait=30", {"text": text, "replace": True}, status=202)
    assert done["state"] == "succeeded"
    assert "53cret-word" in (await site.ask("uwe", "GET", "/labs/lab/blueprint"))["text"]
    seen = await site.ask("viv", "GET", "/labs/lab/blueprint")
    assert "53cret-word" not in json.dumps(seen)
    assert "community: '********'" in seen["text"]
    await site.ask("ulf", "GET", "/labs/lab/blueprint", status=404)
    credentials = await site.ask("una", "GET", "/labs/lab/credentials")
    found = credentials["items"] if isinstance(credentials, dict) else credentials
    assert found[0]["community"] == "53cret-word"


@pytest.mark.parametrize("who", ORDINARY)
async def test_what_jobs_say_is_of_a_chassis_with_cards(site: Site, who: str) -> None:
    """Steps, the stream of a job, its error, and the error that a waiting request gets."""
    (job,) = (await site.ask(who, "GET", "/labs/lab/jobs"))["items"]
    told = (await site.answer(who, "GET", f"/jobs/{job['id']}/events")).text
    assert "card 0 of west" in told
    assert not any(word in told for word in HIDDEN)
    assert "west-vfp0" in (await site.answer("olga", "GET", f"/jobs/{job['id']}/events")).text


async def test_what_went_wrong_with_a_card_is_told_by_its_slot(site: Site) -> None:
    site.client.cloud.fail("ensure", 99, name="west-vfp1", message="no room for west-vfp1")
    wider = {"text": "name: lab\nrouters:\n  west: {cards: 2, ports_per_card: 1}\n"}
    failed = await site.answer("una", "PUT", "/labs/lab/blueprint?wait=60", wider)
    assert failed.status_code == 502
    (job, *_) = (await site.ask("una", "GET", "/labs/lab/jobs"))["items"]
    seen = [failed.text, (await site.answer("una", "GET", f"/jobs/{job['id']}/events")).text]
    seen += [json.dumps(await site.ask("una", "GET", path)) for path in (f"/jobs/{job['id']}", "/labs/lab")]
    for text in seen:
        assert "no room for card 1 of west" in text
    seen += [json.dumps(await site.ask("una", "GET", path)) for path in ("/labs/lab/history", "/labs")]
    assert not any("vfp" in text for text in seen)
    assert "no room for west-vfp1" in json.dumps(await site.ask("olga", "GET", f"/jobs/{job['id']}"))
