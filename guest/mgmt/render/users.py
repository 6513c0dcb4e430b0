"""`system root-authentication` and `system login user`: passwd, shadow, group and authorized keys.

Our users are those whose shell is the command line: they come and go with the configuration. All other accounts stay.
"""

from __future__ import annotations

import os

from .part import Engine, Failed, Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tree import Tree
    from ..world import Machine

SHELL = "/usr/sbin/cli"
GROUP = "rr-cli"
"""Group of all our users; members may talk to the management daemon, which knows their class."""
GROUP_ID = 1099
FIRST_UID = 2000
KEYS = "/etc/ssh/keys"
NO_PASSWORD = "*"
CHANGED = "20000"
"""Day of the last password change, in the shadow file: never 0, which would ask for a new password."""


def _rows(world: Machine, path: str, least: int) -> list[list[str]]:
    return [line.split(":") for line in (world.read(path) or "").splitlines() if line.count(":") >= least]


def _keys(authentication: Tree) -> str:
    return "".join(key + "\n" for kind in ("ssh-ecdsa", "ssh-ed25519", "ssh-rsa") for key in authentication.get(kind, ()))


def render(tree: Tree, world: Machine) -> Part:
    system = tree.get("system", {})
    users: dict[str, Tree] = system.get("login", {}).get("user", {})
    passwd = _rows(world, "/etc/passwd", 6)
    others = [row for row in passwd if row[6] != SHELL]
    before = {row[0]: row[2] for row in passwd if row[6] == SHELL}
    clash = {row[0] for row in others} & set(users)
    if clash:
        raise Failed(f"user {min(clash)}: this name belongs to the system")
    ids = _uids(users, before, {row[2] for row in others})
    ours = [[name, "x", ids[name], str(GROUP_ID), user.get("full-name", "").replace(":", " "), f"/var/home/{name}", SHELL]
            for name, user in sorted(users.items())]  # fmt: skip
    files = {"/etc/passwd": ("".join(":".join(row) + "\n" for row in [*others, *ours]), 0o644)}
    files["/etc/shadow"] = (_shadow(world, system, users, set(before)), 0o640)
    groups = [row for row in _rows(world, "/etc/group", 3) if row[0] != GROUP]
    files["/etc/group"] = ("".join(":".join(row) + "\n" for row in [*groups, [GROUP, "x", str(GROUP_ID), ""]]), 0o644)
    for name, user in [("root", {"authentication": system.get("root-authentication", {})}), *users.items()]:
        text = _keys(user.get("authentication", {}))
        if text:
            files[f"{KEYS}/{name}"] = (text, 0o644)
    shells = world.read("/etc/shells") or ""
    if SHELL not in shells.split():
        files["/etc/shells"] = (shells + SHELL + "\n", 0o644)
    return Part(files, {"homes": {name: int(ids[name]) for name in sorted(users)}})


def _uids(users: dict[str, Tree], before: dict[str, str], taken: set[str]) -> dict[str, str]:
    """A uid for each: the configured one, the one it had, or the next free one."""
    ids = {name: str(user["uid"]) for name, user in users.items() if "uid" in user}
    used = taken | set(ids.values())
    for name in sorted(users):
        if name not in ids and name in before and before[name] not in used:
            ids[name] = before[name]
            used.add(before[name])
    free = FIRST_UID
    for name in sorted(users):
        if name in ids:
            continue
        while str(free) in used:
            free += 1
        ids[name] = str(free)
        used.add(str(free))
    return ids


def _shadow(world: Machine, system: Tree, users: dict[str, Tree], before: set[str]) -> str:
    rows = []
    for row in _rows(world, "/etc/shadow", 1):
        if row[0] in before:
            continue
        if row[0] == "root" and "root-authentication" in system:
            row[1] = system["root-authentication"].get("encrypted-password", NO_PASSWORD)
        rows.append(row)
    for name, user in sorted(users.items()):
        secret = user.get("authentication", {}).get("encrypted-password", NO_PASSWORD)
        rows.append([name, secret, CHANGED, "0", "99999", "7", "", "", ""])
    return "".join(":".join(row) + "\n" for row in rows)


def apply(engine: Engine, old: Part | None, new: Part) -> None:
    engine.put_files(old, new)
    world = engine.world
    wanted = {os.path.basename(path) for path in new.files if path.startswith(KEYS + "/")}
    for name in world.names(KEYS):
        if name not in wanted:
            world.remove(f"{KEYS}/{name}")
    if not world.live:
        return
    for name, uid in new.data["homes"].items():
        home = f"/var/home/{name}"
        os.makedirs(home, 0o755, exist_ok=True)
        os.chown(home, uid, GROUP_ID)
