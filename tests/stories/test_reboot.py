"""This machine reboots under a lab: told by `show` and `list`; `up` brings the same lab back, or `down` takes it away."""

from __future__ import annotations

import json
import shutil
from typing import Any

from tests.stories.shell import EXAMPLE, Shell

LAB = "back-to-back"


def reboot(shell: Shell) -> None:
    """No process lives, RUN (a tmpfs) is empty, and the kernel has another boot id than the lab was started in."""
    shell.kill_server()
    shutil.rmtree(shell.top / "r")
    for path in shell.cloud.glob("*.json"):
        lab = json.loads(path.read_text())
        for machine in lab["machines"].values():
            machine |= {"running": False, "since": 0.0}
            machine["guest"]["mode"] = "off"
        path.write_text(json.dumps(lab))
    assert shell.change_store("UPDATE sandboxes SET boot_id = 'the boot before'") == 1


def lasting(shell: Shell) -> dict[str, Any]:
    """What must be the same afterwards: the lab as it is shown, less the moments; and what is on its guests' disks."""
    shown = shell.json("show", LAB)
    for key in ("since", "job"):
        shown.pop(key)
    for part in ("machines", "wires"):
        for entry in shown[part]:
            entry.pop("since", None)
            entry.pop("reason", None)
    shown.pop("reason")
    kept = ("identity", "config", "secrets", "hostname")
    guests = {name: {key: machine["guest"][key] for key in kept} for name, machine in shell.made().items()}
    return {"lab": shown, "guests": guests, "credentials": shell.json("credentials", LAB)}


def test_up_brings_the_same_lab_back(shell: Shell) -> None:
    shell.run("up", EXAMPLE)
    shell.run("connect", LAB, "west:ge-0/0/1", "east:ge-1/0/1")  # not in the blueprint
    before = lasting(shell)
    assert before["lab"]["note"] == ""
    reboot(shell)

    assert "Note: This machine rebooted at" in shell.run("show", LAB).stdout
    assert {(m["state"], m["running"]) for m in shell.json("show", LAB)["machines"]} == {("stopped", False)}
    listed = shell.run("list").stdout
    assert "0/6" in listed
    assert f"Note on {LAB}: This machine rebooted at" in listed

    up = shell.run("up", EXAMPLE)
    assert "6 machines, 16 ports ready, 3 wires." in up.stdout
    assert lasting(shell) == before
    assert {machine["boots"] for machine in shell.made().values()} == {2}
    listed = shell.run("list").stdout
    assert "6/6" in listed
    assert "Note" not in listed
    shell.run("down", LAB)


def test_down_instead_leaves_nothing(shell: Shell) -> None:
    shell.run("up", EXAMPLE)
    reboot(shell)
    assert f"Lab {LAB} is gone." in shell.run("down", LAB).stdout
    assert shell.made() == {}
    assert shell.json("list") == []
