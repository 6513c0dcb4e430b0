"""A router's management plane on a folder, for tests: datastore, sessions and the user's end of them."""

from __future__ import annotations

import sys
from pathlib import Path

GUEST = Path(__file__).resolve().parents[2] / "guest"
if str(GUEST) not in sys.path:
    sys.path.insert(0, str(GUEST))  # the guest's packages are no part of rackless; they run beside it, in the image

from mgmt import parse  # noqa: E402
from mgmt.datastore import Datastore  # noqa: E402
from mgmt.schema import ROOT  # noqa: E402
from mgmt.session import Session  # noqa: E402
from mgmt.supervisor import Supervisor  # noqa: E402
from mgmt.world import Folder  # noqa: E402

START = """
set system root-authentication encrypted-password "$6$saltsalt$abcdefghijklmnop"
set system host-name west
set system login user ann class super-user
set system login user bob class super-user
"""


class Screen:
    """A channel that keeps what is shown and answers from lists."""

    def __init__(self, *answers: str) -> None:
        self.tty = bool(answers)
        self.echoed = False
        self.shown = ""
        self.answers = list(answers)

    def text(self, text: str, *, paging: bool = False) -> None:
        self.shown += text

    def ask(self, prompt: str, *, echo: bool) -> str | None:
        self.shown += prompt + "\n"
        return self.answers.pop(0) if self.answers else None

    def run(self, argv: list[str], *, capture: bool) -> tuple[int, str]:
        return 0, ""

    def terminal(self) -> str | None:
        return ""

    def read(self, path: str) -> str:
        return Path(path).read_text()

    def write(self, path: str, text: str) -> None:
        Path(path).write_text(text)


class User:
    """Somebody at a prompt: `says` runs lines and gives what was shown."""

    def __init__(self, datastore: Datastore, name: str = "ann", *answers: str) -> None:
        self.screen = Screen(*answers)
        self.session = Session(datastore, self.screen, name, "pts/0")

    def says(self, *lines: str) -> str:
        self.screen.shown = ""
        for line in lines:
            self.session.execute(line)
        return self.screen.shown


def prepare(root: Path) -> Path:
    """The files of the image that rendering reads."""
    (root / "etc").mkdir(parents=True, exist_ok=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (root / "etc/shadow").write_text("root::20000:0:99999:7:::\n")
    (root / "answers.json").write_text('{"ip -j addr show": "[]"}')
    return root


def boot(root: Path, start: str = "") -> Datastore:
    """The daemon's datastore, as after a start of the router."""
    world = Folder(str(root))
    datastore = Datastore(world, Supervisor(world, lambda _: None), ROOT, lambda _: None)
    datastore.start()
    if start:
        datastore.edit(lambda fresh: parse.load_set(start, fresh, ROOT))
        datastore.commit(user="root", via="cli")
    return datastore


def lines(text: str) -> dict[str, object]:
    """The tree that lines of configuration mode make."""
    tree: dict[str, object] = {}
    parse.load_set(text, tree, ROOT)
    return tree
