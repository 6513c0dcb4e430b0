"""The forms of a configuration (braces, set lines, XML, JSON): what is written reads back; no text breaks a loader."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.guest.mgmt_router import START, User, boot, lines, prepare

from mgmt import changes, compare, configuration_json, configuration_xml, groups, merging, parse, text, tree, xmltree  # isort: skip
from mgmt import valuetypes as t  # isort: skip
from mgmt.nodes import container, entries, flag, leaf, leaves  # isort: skip
from mgmt.schema import ROOT  # isort: skip
from mgmt.statements import PlaceState  # isort: skip

METRIC = leaf("metric", "Metric", t.number("metric", 0, 99))
MODE = leaf("mode", "Mode", t.one_of("mode", exact="Exact", longer="Longer"), bare=True)
POLICY = container(
    "",
    "A schema with a list that its user orders, and other rare things",
    entries(
        "policy",
        "Policy",
        t.text,
        entries("term", "Term", t.text, METRIC, flag("reject", "Reject"), ordered=True),
        leaves("import", "Import", t.text),
    ),
    entries("server", "Server", t.text, flag("prefer", "Prefer"), gathered=True),
    entries("filter", "Filter", t.prefix, MODE, oneline=True, identifier="address"),
    container("then", "Action", flag("accept", "Accept"), leaf("note", "Note", t.text), leaf("802.3ad", "Bundle", t.text)),
)

SAMPLE_WORDS = """0 1 7 100 1500 65001 1200 west back\\slash <*> <ge-*> ge-0/0/1 ge-1/0/3.0 lo0 fxp0 10.0.0.1 10.1.0.0/16
10.0.0.1/30 2001:db8::1 2001:db8::1/64 2001:db8::/32 0.0.0.0/0 read-only 49.0001.0100.0000.0001.00 UTC Europe/Berlin
$6$saltsalt$abcdefghijklmnop all ann public 65000:1"""
SAMPLES = [*SAMPLE_WORDS.split(), "a b", 'say "hi"; {no}', "é ü /* # ]"]


def random_line(schema: Any, whole: dict[str, Any], rng: random.Random, verb: str = "set") -> tuple[str, Any] | None:
    """One line that the grammar allows, made by going from state to state; its words and its operations."""
    state: Any = PlaceState(verb, schema, whole)
    for _ in range(40):
        if state.ends() and rng.random() < 0.4:
            break
        choices = [choice for choice in state.choices() if choice.word != "plain-text-password"]
        rng.shuffle(choices)
        for choice in choices:
            if choice.type is None:
                state = choice.next(choice.word)
                break
            values = [*(choice.type.choices or ()), *rng.sample(SAMPLES, len(SAMPLES))]
            value = next((checked for one in values if (checked := checked_by(choice.type, one)) is not None), None)
            if value is not None:
                state = choice.next(value)
                break
        else:
            break
    return parse.operations_of(state) if state.ends() else None


def checked_by(type_: Any, value: str) -> str | None:
    try:
        return str(type_.check(value))
    except ValueError:
        return None


def random_tree(schema: Any, seed: int, *, comments: bool = True) -> dict[str, Any]:
    rng = random.Random(seed)
    made: dict[str, Any] = {}
    for _ in range(rng.randrange(1, 25)):
        verb = rng.choice(["set"] * 6 + ["deactivate", "annotate", "insert"]) if made else "set"
        operations = random_line(schema, made, rng, verb)
        if operations is None or any(steps and steps[-1][0].name == "plain-text-password-value" for steps, _ in operations):
            continue
        try:
            changes.do(made, verb, operations)
        except (tree.NotFound, ValueError):
            continue
    tree.prune(made, schema)
    if not comments:
        drop_comments(made)
    return made


def drop_comments(here: dict[str, Any]) -> None:
    for place, mark in list(here.get(tree.MARKS, {}).items()):
        mark.pop(tree.COMMENT, None)
        if not mark:
            del here[tree.MARKS][place]
    if not here.get(tree.MARKS, True):
        del here[tree.MARKS]
    for name, value in here.items():
        if name != tree.MARKS and isinstance(value, dict):
            drop_comments(value)


SEEDS = st.integers(0, 2**32)
SCHEMAS = pytest.mark.parametrize("schema", [ROOT, POLICY], ids=["router", "rare"])
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SCHEMAS
@SLOW
@given(seed=SEEDS)
def test_every_form_reads_back(schema: Any, seed: int) -> None:
    made = random_tree(schema, seed)
    element = configuration_xml.document(made, schema, {"xmlns:junos": "junos"})
    forms = [text.as_text(made, schema), xmltree.write(element), configuration_json.document(made, schema)]
    for form in forms:
        again: dict[str, Any] = {}
        assert parse.load(form, "merge", again, schema) == []
        assert tree.same(again, made, schema), form
    drop_comments(made)
    again = {}
    parse.load_set("\n".join(text.set_lines(made, schema)), again, schema)
    assert tree.same(again, made, schema)


@SCHEMAS
@SLOW
@given(one=SEEDS, two=SEEDS)
def test_difference_merge_and_groups_of_any_two(schema: Any, one: int, two: int) -> None:
    old, new = random_tree(schema, one), random_tree(schema, two)
    assert compare.difference(old, old, schema) == []
    assert (compare.difference(old, new, schema) == []) == tree.same(old, new, schema)
    assert tree.same(merging.merged(old, new, old, schema)[0], new, schema)
    assert merging.merged(old, old, new, schema) == (new, [])
    for made in (groups.effective(old, schema), groups.effective(groups.effective(old, schema), schema)):
        assert made == groups.effective(old, schema)
    text.as_text(groups.inherited(old, schema), schema, text.inheritance_notes)


@SLOW
@given(
    st.one_of(st.text(), st.text('set system{};[]"/*#<>|\\ \n-:.01', max_size=80)),
    st.sampled_from(["merge", "replace", "override", "set"]),
)
def test_no_text_breaks_a_loader(junk: str, action: str) -> None:
    for form in (junk, "system { " + junk, "<configuration><system>" + junk, '{"configuration": {"system": ' + junk):
        loads(form, action)


def loads(content: str, action: str) -> None:
    """It loads, or the reason is told: anything else than that fails the test."""
    with contextlib.suppress(parse.LoadError):
        parse.load(content, action, lines(START), ROOT)


MEMBER_NAMES = "system interfaces interface name unit @ @mtu mtu inactive operation data"
MEMBERS = st.sampled_from(MEMBER_NAMES.split())
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner),
)


@SLOW
@given(JSON)
def test_no_json_breaks_the_loader(value: Any) -> None:
    loads(json.dumps({"configuration": {"interfaces": value}}), "merge")


COMMAND_WORDS = """set delete show edit up top exit commit rollback load save rename copy insert replace pattern with annotate
activate deactivate wildcard run status update confirmed check comment to before after interfaces ge-0/0/0 ge-0/0/1 system
host-name west unit 0 family inet address 10.0.0.1/30 groups g apply-groups <*> protocols | display xml json inheritance compare
match count [ ] " ; 5 relative merge terminal configure private exclusive"""
WORDS = st.sampled_from(COMMAND_WORDS.split())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    commands=st.lists(st.lists(WORDS, min_size=1, max_size=8).map(" ".join), min_size=1, max_size=12), odd=st.text(max_size=20)
)
def test_no_line_breaks_the_prompt(tmp_path_factory: pytest.TempPathFactory, commands: list[str], odd: str) -> None:
    root = prepare(tmp_path_factory.mktemp("router"))
    datastore = boot(root, START)
    user = User(datastore, "root")
    user.screen.write = lambda path, text: None  # type: ignore[method-assign]
    user.says("configure")
    for command in [*commands, odd, f"set system host-name {odd}"]:
        user.session.execute(command)
        for key in ("?", "\t", " "):
            user.session.assist(command, key)
    again: dict[str, Any] = {}
    parse.load_braces(text.as_text(datastore.candidate, ROOT), again, ROOT)
    assert tree.same(again, datastore.candidate, ROOT)
    if datastore._timer is not None:
        datastore._timer.cancel()


def test_failed_load_changes_nothing(tmp_path: Path) -> None:
    datastore = boot(prepare(tmp_path), START)
    file = tmp_path / "load"
    user = User(datastore)
    user.says("configure")
    bad = (
        "system { host-name east; nonsense; }",
        "<configuration><system><host-name>east</host-name><x/></system></configuration>",
        '{"configuration": {"system": {"host-name": "east", "x": 1}}}',
        "set system host-name east\nset x",
    )
    for content in bad:
        file.write_text(content)
        for action in ("merge", "replace", "override", "update", "set"):
            assert "nothing is changed" in user.says(f"load {action} {file}")
            assert not datastore.changed()


# ---- what users order


def policy(content: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    parse.load(content, "merge", made, POLICY)
    return made


def test_order_of_terms_is_kept_and_shown() -> None:
    old = policy("policy p { term z; term a { metric 5; } term m { reject; } import [ y x ]; }")
    new = tree.copy(old)
    parse.load_set(
        "insert policy p term m before term z\nset policy p term new\n"
        "insert policy p term new after term z\ninsert policy p import x before y",
        new, POLICY,
    )  # fmt: skip
    assert list(new["policy"]["p"]["term"]) == ["m", "z", "new", "a"]
    assert new["policy"]["p"]["import"] == ["x", "y"]
    assert compare.difference(old, new, POLICY) == [
        "[edit policy p]",
        "!   term m { ... }",
        "    term z;",
        "+   term new;",
        "    term a { ... }",
        "-  import [ y x ];",
        "+  import [ x y ];",
    ]
    assert not tree.same(
        old, {**old, "policy": {"p": {**old["policy"]["p"], "term": dict(reversed(old["policy"]["p"]["term"].items()))}}}, POLICY
    )


def test_inactive_and_annotated_are_differences() -> None:
    old = policy("policy p { term a { reject; } } then { accept; }")
    new = policy("policy p { inactive: term a { reject; } } then { inactive: accept; /* why */ note x; }")
    assert compare.difference(old, new, POLICY) == [
        "[edit policy p]",
        "!   inactive: term a { ... }",
        "[edit then]",
        "!  inactive: accept;",
        "+  /* why */",
        "+  note x;",
    ]
    assert groups.effective(new, POLICY) == {"policy": {"p": {}}, "then": {"note": "x"}}


def test_rare_forms() -> None:
    bundle = xmltree.write(configuration_xml.document(policy("then { 802.3ad ae0; }"), POLICY))
    assert "<ieee-802.3ad>ae0</ieee-802.3ad>" in bundle, "an element's name begins with a letter"
    made = policy("server { a; b { prefer; } } filter 10.0.0.0/8 exact; filter 10.0.0.0/8 longer; server { c; }")
    assert (
        text.as_text(made, POLICY) == "server {\n    a;\n    b {\n        prefer;\n    }\n    c;\n}\nfilter 10.0.0.0/8 longer;\n"
    )
    assert "<address>10.0.0.0/8</address>" in xmltree.write(configuration_xml.document(made, POLICY))
    assert compare.difference(made, policy("server { a; b; } filter 10.0.0.0/8 longer;"), POLICY) == [
        "[edit server]", "-   c;", "[edit server b]", "-   prefer;"]  # fmt: skip


# ---- XML operations


def applied(start: str, xml: str, **more: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    made = policy(start)
    element = xmltree.parse(f'<configuration xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0">{xml}</configuration>')
    faults = configuration_xml.apply(element, made, POLICY, **more)
    return made, [(fault.tag, fault.severity) for fault in faults]


TERMS = "policy p { term a { metric 5; } term b; import [ x y ]; }"


BOTH = "term a { metric 5; } term b;"
P = "<policy><name>p</name>"
GONE = ("data-missing", "error")


@pytest.mark.parametrize(
    ("xml", "expected", "faults"),
    [
        ("<then><accept/></then>", TERMS + " then { accept; }", []),
        ("<policy nc:operation='replace'><name>p</name><import>z</import></policy>", "policy p { import z; }", []),
        (P + "<term operation='delete'><name>a</name></term></policy>", "policy p { term b; import [ x y ]; }", []),
        (P + "<term operation='delete'><name>c</name></term></policy>", TERMS, [GONE]),
        (P + "<term delete='delete'><name>c</name></term></policy>", TERMS, [("data-missing", "warning")]),
        (P + "<term operation='remove'><name>c</name></term></policy>", TERMS, []),
        ("<policy operation='create'><name>p</name></policy>", TERMS, [("data-exists", "error")]),
        ("<policy operation='create'><name>q</name></policy>", TERMS + " policy q;", []),
        ("<policy operation='destroy'><name>p</name></policy>", TERMS, [("bad-attribute", "error")]),
        ("<policy><term/></policy>", TERMS, [("missing-element", "error")]),
        ("<polici/>", TERMS, [("unknown-element", "error")]),
        (P + "<term><name>a</name><metric>100</metric></term></policy>", TERMS, [("invalid-value", "error")]),
        (P + "<import operation='delete'>x</import></policy>", f"policy p {{ {BOTH} import y; }}", []),
        (P + "<import operation='replace'>q</import></policy>", f"policy p {{ {BOTH} import q; }}", []),
        (
            P + "<term insert='before' name='a'><name>b</name></term></policy>",
            "policy p { term b; term a { metric 5; } import [ x y ]; }",
            [],
        ),
        (P + "<term insert='first'><name>c</name></term></policy>", f"policy p {{ term c; {BOTH} import [ x y ]; }}", []),
        ("<policy rename='rename' name='q'><name>p</name></policy>", f"policy q {{ {BOTH} import [ x y ]; }}", []),
        (
            P + "<term inactive='inactive'><name>a</name></term></policy>",
            "policy p { inactive: term a { metric 5; } term b; import [ x y ]; }",
            [],
        ),
        ("<filter><address>10.0.0.0/8</address><mode>exact</mode></filter>", TERMS + " filter 10.0.0.0/8 exact;", []),
    ],
)
def test_xml_operations(xml: str, expected: str, faults: list[tuple[str, str]]) -> None:
    made, found = applied(TERMS, xml)
    assert found == faults
    assert tree.same(made, policy(expected), POLICY), text.as_text(made, POLICY)


def test_default_operation_of_xml() -> None:
    assert applied(TERMS, "<then><accept/></then>", default="replace") == (policy("then { accept; }"), [])
    assert applied(TERMS, "<then><accept/></then>", default="none") == (policy(TERMS), [GONE])
    deletion = P + "<term><name>a</name><metric operation='delete'/></term></policy>"
    assert applied(TERMS, deletion, default="none") == (policy("policy p { term a; term b; import [ x y ]; }"), [])


def test_subtree_filter() -> None:
    whole = configuration_xml.document(policy(TERMS + " policy q { import z; } then { accept; }"), POLICY)
    for filter_, kept in (
        ("<policy/>", ["p", "q"]),
        ("<policy><name>q</name></policy>", ["q"]),
        ("<policy><name/></policy>", ["p", "q"]),
        ("<nothing/>", []),
    ):
        found = configuration_xml.selected(xmltree.parse(f"<configuration>{filter_}</configuration>"), whole)
        assert [one.value("name") for one in (found.all("policy") if found is not None else [])] == kept
        assert found is None or found.find("then") is None


def test_a_version_that_is_not_the_configurations_is_put_to_work() -> None:
    """At the top, `version` tells which release wrote the configuration; elsewhere it is a statement as any other."""
    said = "set version 23.2R1\nset snmp trap-group t version v2\nset apply-groups g\n"
    said += "set groups g system ntp server 192.0.2.1 version 3\n"
    found: dict[str, Any] = {}
    parse.load_set(said, found, ROOT)
    made = groups.effective(found, ROOT)
    assert "version" not in made
    assert made["snmp"]["trap-group"]["t"]["version"] == "v2"
    assert made["system"]["ntp"]["server"]["192.0.2.1"]["version"] == "3"
