"""Groups and quotas from the command line."""

from __future__ import annotations

from pathlib import Path

from tests.stories.shell import Shell


def test_groups_and_quotas_from_the_command_line(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    (tmp_path / "s").mkdir()
    (tmp_path / "s/site.yaml").write_text("quota: {labs: 2, longest: 3d}\n")
    shell.run("user", "add", "una")
    shell.run("group", "add", "core")
    shell.run("group", "join", "core", "una")
    assert shell.json("group", "list")[0]["members"] == ["una"]
    shell.run("quota", "set", "una", "--memory", "2G", "--longest", "none", "--machine-hours", "500")
    shell.run("quota", "set", "--group", "core", "--machines", "9")
    found = shell.json("quota", "show", "una")
    limits = found["limits"]
    assert (limits["labs"], limits["memory"], limits["longest"], limits["machine_hours"]) == (2, 2048, None, 500)
    assert found["groups"][0]["limits"]["machines"] == 9
    told = shell.run("quota", "show", "una").stdout
    assert "2G" in told
    assert "group core, all its users together" in told
    assert shell.json("quota", "set", "una", "--longest", "default")["limits"]["longest"] == 3 * 86400
    assert "is no limit of labs" in shell.run("quota", "set", "una", "--labs", "many", code=2).stderr
    assert "Name a user" in shell.run("quota", "set", "--labs", "1", code=2).stderr
    shell.run("group", "leave", "core", "una")
    shell.run("group", "remove", "core")
    assert shell.json("quota", "show", "una")["groups"] == []
    assert "There is no group core" in shell.run("quota", "show", "--group", "core", code=3).stderr
    shell.run("stop")
