"""Reading good blueprints, and never failing in another way than by BlueprintErrors."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackless import blueprints
from rackless.model.blueprint import Blueprint, End, HostWish, Login, Management, RouterWish, Snmp, Wire
from rackless.model.errors import BlueprintErrors, Problem
from rackless.model.suggestions import did_you_mean, listed, nearest
from rackless.routers.families import FAMILIES

SECRET = "Hidden-77-value"


def load(text: str, **files: str) -> Blueprint:
    named = {name.replace("_", "."): content for name, content in files.items()}
    return blueprints.load(text, file="lab.yaml", families=FAMILIES, files=named)


def problems(text: str, **files: str) -> list[str]:
    with pytest.raises(BlueprintErrors) as caught:
        load(text, **files)
    return [str(problem) for problem in caught.value.problems]


def test_every_key_is_read() -> None:
    text = """
name: lab
routers:
  west:
    family: reference
    cards: 2
    ports_per_card: 8
    memory: {controller: 1G, card: 512MiB}
    login: {user: noc, password: Not-so-secret1}
    snmp: {community: lab@2024}
    fxp0: {address: 192.0.2.7/24, gateway: 192.0.2.1}
    startup: west.set
hosts:
  pc1:
    family: linux
    nics: 2
    memory: 256
    addresses: {eth1: 192.0.2.10/24, eth2: [198.51.100.2/31, "2001:db8::1/64"]}
    routes: {default: 192.0.2.1, 2001:db8:1::/48: "2001:db8::2"}
wires:
  - [west:ge-1/0/7, pc1:eth2]
"""
    assert load(text, west_set="set system host-name west\n") == Blueprint(
        name="lab",
        routers=(
            RouterWish(
                name="west",
                family="reference",
                cards=2,
                ports_per_card=8,
                controller_memory=1024,
                card_memory=512,
                login=Login(user="noc", password="Not-so-secret1"),
                snmp=Snmp(community="lab@2024"),
                fxp0=Management(address="192.0.2.7/24", gateway="192.0.2.1"),
                startup="west.set",
            ),
        ),
        hosts=(
            HostWish(
                name="pc1",
                family="linux",
                nics=2,
                memory=256,
                addresses=(("eth1", "192.0.2.10/24"), ("eth2", "198.51.100.2/31"), ("eth2", "2001:db8::1/64")),
                routes=(("0.0.0.0/0", "192.0.2.1"), ("2001:db8:1::/48", "2001:db8::2")),
            ),
        ),
        wires=(Wire(ends=(End(owner="west", port="ge-1/0/7"), End(owner="pc1", port="eth2"))),),
        files=(("west.set", "set system host-name west\n"),),
    )


def test_defaults() -> None:
    blueprint = load("name: lab\nrouters: {west: {}}\nhosts: {pc1: {}}\n")
    assert blueprint.routers == (RouterWish(name="west"),)
    assert blueprint.hosts == (HostWish(name="pc1"),)
    assert (blueprint.wires, blueprint.files) == ((), ())


def test_yaml_1_2_words_are_words() -> None:
    text = "name: no\nrouters: {on: {}, off: {}, y: {}, 'null': {}}\nwires: [[on:ge-0/0/0, off:ge-0/0/0]]\n"
    blueprint = load(text)
    assert blueprint.name == "no"
    assert [router.name for router in blueprint.routers] == ["on", "off", "y", "null"]
    assert str(blueprint.wires[0]) == "on:ge-0/0/0 -- off:ge-0/0/0"


def test_even_where_the_file_asks_for_yaml_1_1() -> None:
    assert load("%YAML 1.1\n---\nname: off\nrouters: {on: {}}\n").routers == (RouterWish(name="on"),)


def test_aliases_and_merge_keys() -> None:
    text = "name: lab\nrouters:\n  west: &w {cards: 3, ports_per_card: 2}\n  east: *w\n  north: {cards: 1, <<: *w}\n"
    assert [(r.cards, r.ports_per_card) for r in load(text).routers] == [(3, 2), (3, 2), (1, 2)]


def test_byte_order_mark_is_ignored() -> None:
    assert load("\ufeffname: lab\nrouters: {west: {}}\n").name == "lab"


def test_windows_line_ends() -> None:
    assert load("name: lab\r\nrouters:\r\n  west: {}\r\n").name == "lab"


def test_only_named_files_are_kept() -> None:
    blueprint = load("name: lab\nrouters: {west: {startup: w.set}}\n", w_set="set x\n", other_set="set y\n")
    assert blueprint.files == (("w.set", "set x\n"),)


def test_startup_size_limit() -> None:
    text = "name: lab\nrouters: {west: {startup: w.set}}\n"
    assert load(text, w_set="x" * (1 << 20)).routers[0].startup == "w.set"
    assert "has 1048577 bytes" in problems(text, w_set="x" * ((1 << 20) + 1))[0]


def test_blueprint_size_limit() -> None:
    assert "262145" in problems("#" * ((1 << 18) + 1))[0]


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 3000, "a: &a\n  b: *a\n", "? [a]\n: b\n"])
def test_deep_and_odd_documents_are_refused(text: str) -> None:
    assert problems(text)


def test_problems_come_in_the_order_of_the_file() -> None:
    with pytest.raises(BlueprintErrors) as caught:
        load("wires: [[a:ge-0/0/0, b:ge-0/0/0]]\nrouters: {X: {}, y: {cards: 0}}\nname: Z\n")
    places = [(problem.line, problem.column) for problem in caught.value.problems]
    assert places == sorted(places)
    assert len(places) == 5
    assert all(problem.file == "lab.yaml" for problem in caught.value.problems)


@pytest.mark.parametrize(
    "wish",
    [
        f"login: {{password: '{SECRET} '}}",
        f"login: {{password: {SECRET}{'x' * 130}}}",
        f"login: {SECRET}",
        f"snmp: {{community: '{SECRET};'}}",
        f"snmp: {SECRET}",
        f"login: {{pasword: {SECRET}}}",
        f'login: {{password: "{SECRET}\\n"}}',
        f"snmp: {{community: [{SECRET}]}}",
    ],
)
def test_no_secret_in_a_message(wish: str) -> None:
    text = "".join(problems(f"name: lab\nrouters: {{west: {{{wish}}}}}\n"))
    assert "login" in text or "snmp" in text or "line break" in text
    assert SECRET not in text


def test_no_secret_in_repr() -> None:
    text = f"name: lab\nrouters: {{west: {{login: {{password: {SECRET}}}, snmp: {{community: {SECRET}}}}}}}\n"
    assert SECRET not in repr(load(text))


def test_references_are_those_a_client_may_send() -> None:
    text = """
routers:
  a: {startup: z.set}
  b: {startup: ../common/b.conf}
  c: {startup: /etc/shadow.txt}
  d: {startup: ../../.ssh/id.txt}
  e: {startup: z.set, cards: wrong}
  f: {startup: id_rsa}
  g: [startup]
  h: {startup: [x.set]}
"""
    assert blueprints.references(text) == ("../common/b.conf", "z.set")


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "routers: 3", "\x00", "routers: {a: 1, b: {startup: 4}}"])
def test_references_of_broken_texts(text: str) -> None:
    assert blueprints.references(text) == ()


def told(text: str) -> tuple[Problem, ...]:
    """The problems of a text, none when it is a good blueprint. Any other exception fails the test."""
    try:
        load(text)
    except BlueprintErrors as error:
        return error.problems
    return ()


def check_is_explained(text: str) -> None:
    for problem in told(text):
        assert problem.line > 0
        assert problem.column > 0
        assert problem.message.endswith(".")
        assert problem.hint.endswith((".", "`", "?", "examples/.")), problem
    blueprints.references(text)


@given(st.text())
def test_any_text_is_explained(text: str) -> None:
    check_is_explained(text)


WORDS = st.sampled_from(
    """
    name routers hosts wires family cards ports_per_card memory controller card login user password snmp community fxp0
    address gateway startup nics addresses routes eth0 eth1 default west east pc1 reference linux dhcp west:ge-0/0/0
    east:ge-0/0/1 pc1:eth1 192.0.2.1 192.0.2.7/24 ::1/64 fe80::1 0.0.0.0/0 512M a.set 0 west:
    """.split()  # noqa: SIM905  # a list of fifty quoted words is harder to read
)
SCALARS = st.none() | st.booleans() | st.integers(-2, 4000) | st.floats(allow_nan=False) | WORDS | st.text(max_size=5)
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=6))
ROUTER = st.dictionaries(WORDS, TREES, max_size=5)


@given(
    st.fixed_dictionaries(
        {"name": WORDS, "routers": TREES | st.dictionaries(WORDS, ROUTER, max_size=3)},
        optional={"hosts": TREES | st.dictionaries(WORDS, ROUTER, max_size=3), "wires": TREES | st.lists(st.lists(WORDS))},
    )
    | TREES
)
def test_any_structure_is_explained(tree: object) -> None:
    # JSON is YAML, save for a few escapes that no generator here makes.
    check_is_explained(json.dumps(tree))


def test_suggestions() -> None:
    assert nearest("wets", ["east", "west"]) == "west"
    assert nearest("zzz", ["east", "west"]) is None
    assert did_you_mean("wets", ["west", "east"], "routers") == "Did you mean 'west'? The routers are: east, west."
    assert did_you_mean("x", [], "routers") == ""
    assert did_you_mean("q", map(str, range(14)), "cards").endswith(" and 2 more.")
    assert [listed("a"), listed("ab"), listed("abc", "and")] == ["a", "a or b", "a, b and c"]
