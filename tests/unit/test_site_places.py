"""`places` of site.yaml: read off the dataclasses, with errors that say which file, which key and the way out."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from rackless.blueprints import load
from rackless.model.errors import InputError
from rackless.model.place_example import WORDS, example, unknown_words
from rackless.model.places import KINDS, Cloning, Numbers, OpenStackPlace, Rewiring, VspherePlace
from rackless.model.site import Site
from rackless.planning import plan
from rackless.routers.families import FAMILIES
from rackless.sandboxes.site_file import load_site


def site(folder: Path, text: str) -> Site:
    file = folder / "site.yaml"
    file.write_text(text)
    return load_site(file, FAMILIES)


@pytest.fixture(autouse=True)
def _no_other_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RACKLESS_PROVIDER", raising=False)


def test_two_clouds_and_this_machine(tmp_path: Path) -> None:
    found = site(
        tmp_path,
        """
places:
  munich:
    provider: openstack
    cloud: m
    clouds-file: /etc/clouds.yaml
    rewiring: power-cycle
    segment-type: vlan
    numbers: 2000-2099
    fabric: core
    make-flavors: no
  vienna:
    provider: vsphere
    server: vc.example.net
    user: me
    password-file: /etc/pw
    datacenter: dc1
    cluster: c1
    cloning: full
    numbers: 2000-2099
    fabric: core
""",
    )
    assert [place.name for place in found.everywhere] == ["local", "munich", "vienna"]
    munich, vienna = found.places
    assert isinstance(munich, OpenStackPlace)
    assert (munich.rewiring, munich.numbers) == (Rewiring.POWER_CYCLE, Numbers(first=2000, last=2099))
    assert (munich.clouds_file, munich.make_flavors, munich.internal_mtu) == (Path("/etc/clouds.yaml"), False, 1500)
    assert isinstance(vienna, VspherePlace)
    assert (vienna.cloning, vienna.port, vienna.ca_file) == (Cloning.FULL, 443, None)
    assert found.place("") == found.everywhere[0]
    assert found.place("vienna") is vienna


def test_a_place_can_be_the_one_of_what_names_none(tmp_path: Path) -> None:
    found = site(tmp_path, "provider: my-lab\nplaces: {my-lab: {provider: fake}, here: {provider: local}}")
    assert [place.name for place in found.everywhere] == ["my-lab", "here"]


VIENNA = "provider: vsphere, server: v, user: u, password-file: /p, datacenter: d"
WRONG = {
    "places: [a]": ("places must be a mapping", "site example"),
    "places: {A: {provider: fake}}": ("'A' cannot be the name of a place", "small letters"),
    "places: {a: 5}": (r"places\.a must be a mapping", "site example"),
    "places: {a: {}}": (r"places\.a does not say of which provider it is", "local, fake, host, openstack, vsphere"),
    "places: {a: {provider: aws}}": (r"places\.a is of the provider 'aws', which there is not", "openstack"),
    "places: {fake: {provider: openstack}}": ("the name of a provider that it is not of", "another name"),
    "places: {a: {provider: openstack, rewirin: trunk}}": ("the key 'rewirin', which is not known", "Did you mean 'rewiring'"),
    "places: {a: {provider: openstack, rewiring: magic}}": (r"places\.a\.rewiring is 'magic'", "hotplug, power-cycle, trunk"),
    "places: {a: {provider: openstack, numbers: 9-2}}": (r"places\.a\.numbers is '9-2'", "2000-2099"),
    "places: {a: {provider: openstack, clouds-file: clouds.yaml}}": (r"clouds-file is 'clouds.yaml'", "absolute path"),
    "places: {a: {provider: openstack, make-flavors: 7}}": (r"make-flavors is '7'", "yes or no"),
    "places: {a: {provider: openstack, internal-mtu: big}}": (r"internal-mtu is 'big'", "a whole number"),
    "places: {a: {provider: openstack, cloud: }}": (r"cloud is empty", "one line of text"),
    f"places: {{a: {{{VIENNA}}}}}": ("has no cluster", "one line of text"),
    f"places: {{a: {{{VIENNA}, cluster: c, password: hunter2}}}}": ("the key 'password'", "password-file: /path"),
    "places: {a: {provider: openstack, cloud: a, numbers: 5-9, fabric: x}}": ("whatever the cloud takes", "places.md"),
    "places: {a: {provider: fake, fabric: x}}": ("it has no `numbers`", "places.md"),
    "places: {a: {provider: fake, fabric: x, numbers: 4000-5000}}": ("beyond 4094", "places.md"),
    "places: {a: {provider: local, numbers: 5-9}}": ("wires on this machine have none", "Leave it out"),
    "places: {a: {provider: local}, b: {provider: local}}": ("are both this machine", "Leave one"),
    "places: {a: {provider: local}}": ("this machine is a place twice", "provider: a"),
    "places: {a: {provider: fake, fabric: x, numbers: 5-9}, b: {provider: fake, fabric: x, numbers: 5-8}}": (
        "other numbers each",
        "the same `numbers`",
    ),
    "places: {a: {provider: fake, fabric: b, numbers: 5-9}, b: {provider: fake}}": ("the name of a place", "its own"),
    "provider: munch\nplaces: {munich: {provider: fake}}": ("There is no provider munch", "Did you mean 'munich'"),
    "provider: vsphere": ("There is no provider vsphere", "local"),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_with_its_key_and_the_way_out(tmp_path: Path, text: str) -> None:
    message, hint = WRONG[text]
    with pytest.raises(InputError, match=message) as caught:
        site(tmp_path, text)
    assert hint in caught.value.hint
    assert "hunter2" not in caught.value.message + caught.value.hint
    assert str(tmp_path / "site.yaml") in caught.value.message or "There is no provider" in caught.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_each_kind_parses_as_it_is(tmp_path: Path, kind: str) -> None:
    found = site(tmp_path, example(kind))
    assert [(place.provider, place.name) for place in found.everywhere] == [(kind, found.provider)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_line_of_an_example_parses_when_it_is_taken_in(tmp_path: Path, kind: str) -> None:
    lines = example(kind).splitlines()
    for line in [line for line in lines if re.match(r"    #[a-z-]+: \S", line)]:
        of_vlan = "numbers: 5-9, segment-type: vlan" if kind == "openstack" else "numbers: 5-9"
        text = example(kind).replace(line, line.replace("#", "", 1))
        if "#fabric" in line:
            text = text.replace(line.replace("#", "", 1), "\n".join([line.replace("#", "", 1), *_apart(of_vlan)]))
        assert site(tmp_path, text).places


def _apart(keys: str) -> list[str]:
    return [f"    {key}" for key in keys.split(", ")]


def test_the_words_of_the_examples_are_of_keys_that_there_are() -> None:
    assert unknown_words() == []
    assert set(WORDS) == set(KINDS)


PAGES = ("docs/howto/openstack.md", "docs/howto/vsphere.md", "docs/reference/places.md")
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", PAGES)
def test_the_site_files_of_the_documentation_are_read_and_their_labs_planned(tmp_path: Path, page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", text, re.MULTILINE)]
    [found] = [site(tmp_path, block) for block in blocks if block.startswith("provider:")]
    assert len(found.places) == 1
    for block in blocks:
        if block.startswith("name:"):
            lab = load(block, file=page, families=FAMILIES, files={}, site=found)
            assert plan(lab, found).places == {found.places[0].name}
