"""What `--json` prints has just the keys that docs/reference/json.md gives it: they are stable, so both ways."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.stories.shell import EXAMPLE, ROOT, Shell

PAGE = (ROOT / "docs/reference/json.md").read_text(encoding="utf-8")


def keys(row: str) -> set[str]:
    """The keys in the first braces of the row that begins so; those of inner braces and lists are left out."""
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {row}"))
    found = re.search(r"`\{(.*?)\}`", line)
    assert found, line
    outer = re.sub(r": (\[?\{[^}]*\}?\]?)", "", found[1])
    return {key.strip() for key in outer.split(",")}


def lab_keys() -> set[str]:
    table = PAGE.split("A lab:")[1].split("An error,")[0]
    rows = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


def of(document: Any) -> set[str]:
    """The keys of a document, or of every one in a list that all have the same."""
    if isinstance(document, dict):
        return set(document)
    assert document, "nothing to compare"
    first, *rest = (set(entry) for entry in document)
    assert all(entry == first for entry in rest)
    return first


def test_every_command_prints_the_documented_keys(shell: Shell, tmp_path: Path) -> None:
    lab = shell.json("up", EXAMPLE)
    assert of(lab) == lab_keys()
    assert of(shell.json("show", "back-to-back")) == lab_keys()
    for part in ("routers", "machines", "ports", "wires"):
        assert of(lab[part]) == keys(f"`{part}` |")
    assert set(lab["routers"][0]["management"]) == {"how", "address", "services"}
    assert set(lab["job"]) == keys("`job`")

    assert of(shell.json("apply", EXAMPLE)) == keys("`apply`")
    free = ("back-to-back", "west:ge-0/0/1", "east:ge-1/0/1")
    assert of(shell.json("connect", *free)) == keys("`connect`")
    assert of(shell.json("link", *free[:2], "--down")) == keys("`link`")
    assert of(shell.json("disconnect", *free)) == keys("`connect`")
    assert of(shell.json("restart", "back-to-back", "west-vfp0")) == keys("`restart`")
    assert of(shell.json("list")) == keys("`list`")
    assert of(shell.json("console", "back-to-back", "west-vcp")) == keys("`console`")
    assert of(shell.json("counters", "back-to-back")) == keys("`counters`")
    topology = tmp_path / "x.clab.yml"
    topology.write_text("name: x\ntopology: {nodes: {r1: {kind: juniper_vmx}}}\n", encoding="utf-8")
    assert of(shell.json("import", str(topology))) == keys("`import`")
    saved = shell.json("save", "back-to-back", "--to", str(tmp_path))
    assert (of(saved), of(saved["saved"])) == ({"lab", "saved"}, {"router", "file"})
    logs = shell.json("logs", "back-to-back")
    assert of(logs) == keys("`logs`")
    assert of(logs[0]["events"]) == {"number", "time", "step", "kind", "text"}
    assert of(shell.json("credentials", "back-to-back")) == keys("`credentials`")
    assert of(shell.json("doctor")) == keys("`doctor`")
    assert of(shell.json("site", "list")) == keys("`site list`")
    assert of(shell.json("site", "check", "fake")) == keys("`site check`")
    assert of(shell.json("site", "example", "openstack")) == keys("`site example`")
    assert of(shell.json("extend", "back-to-back", "1h")) == keys("`extend`")
    assert of(shell.json("calendar")) == keys("`calendar`")
    assert of(shell.json("history", "back-to-back")) == keys("`history`")
    assert of(shell.json("user", "add", "una")) == keys("`user add`")
    assert of(shell.json("token", "add", "una", "ci")) == of(shell.json("token", "list", "una")) == keys("`token add`")
    assert of(shell.json("share", "back-to-back", "una")) == keys("`share`")
    assert of(shell.json("access-log")) == keys("`access-log`")
    assert of(shell.json("down", "back-to-back")) == keys("`down`")
    assert of(shell.json("user", "list")) == keys("`user add`")
    shell.run("user", "remove", "una")


def test_a_plan_and_an_error_have_the_documented_keys(shell: Shell) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `plan`"))
    assert of(shell.json("plan", EXAMPLE)) == set(re.findall(r"`(\w+)`", row)) - {"plan"}
    error = json.loads(shell.run("show", "nosuch", "--json", code=3).stdout)
    assert set(error) == {"error"}
    assert {"code", "message", "hint"} <= set(error["error"]) <= {"code", "message", "hint", "problems"}


def test_every_command_has_an_example_and_files_are_for_their_owner_alone(shell: Shell) -> None:
    shown = shell.run("--help").stdout
    commands = re.findall(r"^\W*(\w+)  +\S", shown.split("Commands", 1)[1], re.MULTILINE)
    assert {"up", "show", "console", "ssh", "doctor"} <= set(commands)
    for command in commands:
        if command != "image":
            assert "Example" in shell.run(command, "--help").stdout, command
    shell.run("up", EXAMPLE)
    open_to_others = [path for top in ("s", "r") for path in (shell.top / top).rglob("*") if path.stat().st_mode & 0o077]
    assert open_to_others == []
