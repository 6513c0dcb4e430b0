"""The program that sets an appliance up: `boot` at each start, `console` on each console, `finish` where nobody has to be asked.

    python -m rackless.appliance.first_start [--root FOLDER] boot | console | finish | status

With another root than / nothing of this machine is touched: files go below it, and commands are only written down in its
`steps.log`. That is how the tests see what a real console would do.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rackless.appliance import delivered, growing, menu, settling, sizes
from rackless.appliance.answers import JOINING, KNOWN, Answers, Part, checked, clean, kept
from rackless.appliance.settling import BOUND, SET_UP, Step
from rackless.model.errors import InputError, ProviderError, RacklessError, StateError
from rackless.running import run

HOME = "var/lib/rackless-appliance"
TITLE = "Rackless appliance: first set-up"
PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
LEAST_DISK = 1 << 30
MOST_SAID = 600
"""Characters of a failed command's last words that are told."""


class Node:
    """The machine that is set up, below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.real = root == Path("/")
        self.home = root / HOME

    # ---- what is kept

    def write(self, path: Path, text: str, mode: int = 0o600) -> None:
        """Whole or not at all, also when the power fails."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), mode)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).rename(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def read(self, name: str) -> str:
        try:
            return (self.home / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def table(self, name: str) -> dict[str, str]:
        """Of a file that was cut or damaged nothing is known, as of one that is not there."""
        with contextlib.suppress(ValueError):
            found = json.loads(self.read(name) or "{}")
            return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
        return {}

    @property
    def hashed(self) -> str:
        return self.read("password").strip()

    def values(self) -> dict[str, str]:
        """Answers so far, with the secrets that a step still needs."""
        known = {**self.table("answers.json"), **self.table("secrets.json")}
        return {key: value for key, value in known.items() if key in KNOWN}

    def done(self) -> set[str]:
        return set(self.table("done.json"))

    @property
    def finished(self) -> bool:
        return "finished" in self.done()

    async def keep(self, values: Mapping[str, str]) -> Answers:
        """Answers for good: checked, the password as a hash, secrets until the steps that need them are done.

        Raises:
            InputError: something is wrong.
        """
        answers = checked(values, password_set=bool(self.hashed))
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.home.chmod(0o700)
        secrets = {key: value for key, value in values.items() if KNOWN[key].secret and value}
        if answers.password:
            words = ["openssl", "passwd", "-6", "-stdin"]
            made = await run(words, deadline=60, stdin=answers.password.encode() + b"\n", env=PATH)
            self.write(self.home / "password", made.out.decode().strip() + "\n")
        if secrets:
            self.write(self.home / "secrets.json", json.dumps(secrets))
        self.write(self.home / "answers.json", json.dumps(kept(values), indent=2))
        return answers

    def answers(self) -> Answers | None:
        """What is kept; None before that."""
        values = self.values()
        if not values or not self.hashed:
            return None
        given = {key: value for key, value in values.items() if key != "password"}
        if Part(clean(given)["role"]) not in JOINING or given.get("token"):
            return checked(given, password_set=True)
        return checked({**given, "token": "used"}, password_set=True)

    # ---- what each start does

    async def settle(self) -> None:
        """Files of this start, from what is kept; before anything is, all that is off stays off."""
        answers = self.answers() or checked({"hostname": "rackless"}, password_set=True)
        accounts = self.root / "etc/shadow"
        image = accounts.read_text(encoding="utf-8") if accounts.is_file() else ""
        for file in settling.files(answers, hashed=self.hashed if self.answers() else "", accounts=image):
            self.write(self.root / file.path, file.text, file.mode)
            if file.path.startswith(BOUND):
                await self._over(self.root / file.path, self.root / "etc" / file.path.removeprefix(BOUND))
        await self.act(Step(name="hostname", about="", words=("hostname", answers.hostname)))

    async def _over(self, source: Path, target: Path) -> None:
        if not self.real or not target.exists():
            return
        await run(["umount", target], deadline=30, env=PATH, check=False)
        await run(["mount", "--bind", source, target], deadline=30, env=PATH)

    async def act(self, step: Step, secret: str = "", say: Callable[[str], None] = lambda _: None) -> None:
        """
        Args:
            say: told what the command says as it comes.

        Raises:
            ProviderError, DeadlineError: it failed, or took too long.
        """
        if not self.real:
            with (self.root / "steps.log").open("a", encoding="utf-8") as log:
                log.write(json.dumps({"words": step.words, "stdin": step.secret if secret else ""}) + "\n")
            failing = self.root / "failing" / step.name
            if failing.is_file():
                raise StateError(failing.read_text(encoding="utf-8").strip())
            return

        def heard(piece: bytes) -> None:
            for line in piece.decode(errors="replace").splitlines():
                say(f"  {line}")

        stdin = f"{secret}\n".encode() if step.secret else None
        done = await run(step.words, deadline=step.patience, stdin=stdin, env=PATH, check=False, heard=heard)
        if done.code:
            said = " ".join(done.err.decode(errors="replace").split())[-MOST_SAID:]
            raise ProviderError(said.removeprefix("Error: ") or f"{step.words[0]} failed with exit status {done.code}.")

    # ---- what came with the machine

    async def brought(self) -> tuple[dict[str, str], str]:
        """Answers of an OVF environment or a cloud-init seed, and a remark for the console."""
        try:
            text = await self._guestinfo()
            if text:
                return delivered.environment(text), "Answers came with the OVF's properties."
            for folder in await self._media():
                if (folder / "ovf-env.xml").is_file():
                    return delivered.environment((folder / "ovf-env.xml").read_bytes()), "Answers came with the OVF's properties."
                if (folder / "user-data").is_file():
                    about = folder / "meta-data"
                    values, left = delivered.seed(
                        (folder / "user-data").read_text(encoding="utf-8", errors="replace"),
                        about.read_text(encoding="utf-8", errors="replace") if about.is_file() else "",
                    )
                    clean(values)
                    unknown = f" Not taken: {', '.join(left)}." if left else ""
                    return values, f"Answers came with a cloud-init seed.{unknown}"
        except RacklessError as error:
            return {}, f"What came with the machine is not taken: {error}"
        return {}, ""

    async def _guestinfo(self) -> bytes:
        if not self.real or not Path("/usr/bin/vmtoolsd").exists():
            return b""
        done = await run(["vmtoolsd", "--cmd", "info-get guestinfo.ovfEnv"], deadline=30, env=PATH, check=False)
        return done.out.strip() if done.code == 0 else b""

    async def _media(self) -> list[Path]:
        """Folders of discs that may have answers; of this machine they are mounted read-only."""
        if not self.real:
            return sorted(path for path in (self.root / "media").glob("*") if path.is_dir())
        labels = [Path(f"/dev/disk/by-label/{name}") for name in ("cidata", "CIDATA")]
        found = []
        for number, device in enumerate([*sorted(Path("/dev").glob("sr*")), *labels]):
            folder = Path("/run/rackless-appliance/media") / str(number)
            if has_medium(device):
                folder.mkdir(parents=True, exist_ok=True)
                done = await run(["mount", "-o", "ro,nosuid,nodev,noexec", device, folder], deadline=60, env=PATH, check=False)
                if done.code == 0 or any(folder.iterdir()):
                    found.append(folder)
        return found

    # ---- what the first start does

    def lacking(self, part: Part) -> tuple[str, ...]:
        return sizes.lacking(part, self.found())

    def found(self) -> sizes.Found:
        """Of this machine; below another root from its `machine.json`, if it has one."""
        told = self.root / "machine.json"
        if not self.real and told.is_file():
            about = json.loads(told.read_text())
            return sizes.Found(processors=about["processors"], memory=about["memory"], data=about["data"])
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return sizes.Found(processors=os.cpu_count() or 1, memory=memory, data=data_disks(self.root))

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """There may be two consoles.

        Raises:
            StateError: the other one is at it.
        """
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.home / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StateError("The appliance is being set up on another console.", hint="Wait for that.") from error
            yield

    async def finish(self, answers: Answers, say: menu.Terminal) -> dict[str, str]:
        """Take the steps that are not done. Returns the one that failed, with the reason; {} when all is done."""
        secrets, done = self.table("secrets.json"), self.done()
        for step in settling.steps(answers):
            if step.once and step.name in done:
                continue
            say.say(f"{step.about} ...")
            try:
                await self.act(step, secrets.get(step.secret, "") if step.secret else "", say.say)
            except RacklessError as error:
                return {step.about: str(error)}
            done.add(step.name)
            self.write(self.home / "done.json", json.dumps(dict.fromkeys(sorted(done), "yes")))
        (self.home / "secrets.json").unlink(missing_ok=True)
        self.write(self.home / "done.json", json.dumps(dict.fromkeys(sorted(done | {"finished"}), "yes")))
        return {}


def has_medium(device: Path) -> bool:
    """Asked first: the kernel complains on every console of a mount from an empty drive."""
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def data_disks(root: Path) -> tuple[int, ...]:
    """Bytes of the disks that have no partition of the appliance, and of the appliance's volume on its own disk."""
    from rackless.vmhost.linux.disks import find

    return tuple(disk.size for disk in find(root / "sys", root / "dev") if not disk.number and disk.size >= LEAST_DISK)


async def boot(node: Node, terminal: menu.Terminal) -> None:
    """Before the network: the volume, answers that came with the machine (kept once), and the files of this start."""
    if node.real:
        await growing.provide(say=terminal.say)
    if node.answers() is None:
        values, remark = await node.brought()
        if remark:
            terminal.say(remark)
        if values:
            try:
                await node.keep(values)
            except InputError as error:
                terminal.say(f"They do not suffice, the console asks for the rest. {error}")
                node.home.mkdir(parents=True, exist_ok=True, mode=0o700)
                node.write(node.home / "offered.json", json.dumps(values))
    await node.settle()


async def finish(node: Node, terminal: menu.Terminal) -> int:
    """What follows from answers that are kept. Nothing, without them."""
    answers = node.answers()
    if answers is None:
        terminal.say("Not set up yet: see the console.")
        return 0
    lacking = node.lacking(answers.part)
    for each in lacking:
        terminal.say(f"WARNING  {each}")
    with node.alone():
        failed = await node.finish(answers, terminal)
    terminal.say(settling.outcome(answers, failed))
    return 1 if failed else 0


async def console(node: Node, terminal: menu.Terminal) -> int:
    """The menu, until the appliance is set up."""
    while not node.finished:
        offered = {key: value for key, value in node.table("offered.json").items() if key in KNOWN}
        values = clean({**offered, **node.values()})
        given = await asyncio.to_thread(menu.talk, terminal, TITLE, values, node.lacking, password_set=bool(node.hashed))
        if given is None:
            return 0
        if node.finished:
            terminal.say("The appliance was set up on another console meanwhile; nothing of this is taken.")
            return 0
        with node.alone():
            answers = await node.keep(given)
            (node.home / "offered.json").unlink(missing_ok=True)
            await node.settle()
            failed = await node.finish(answers, terminal)
        terminal.say(settling.outcome(answers, failed))
    return 0


def status(node: Node) -> dict[str, object]:
    answers = node.answers()
    return {
        "set_up": node.finished,
        "password": bool(node.hashed),
        "web_and_ssh": (node.root / SET_UP).exists(),
        "role": answers.part.value if answers else "",
        "name": answers.hostname if answers else socket.gethostname(),
        "web": settling.web_address(answers) if answers else "",
        "lacking": list(node.lacking(answers.part)) if answers else [],
    }


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="first_start", description="Sets an appliance up.")
    parser.add_argument("--root", type=Path, default=Path("/"))
    parser.add_argument("verb", choices=("boot", "console", "finish", "status"))
    given = parser.parse_args(words)
    node, terminal = Node(given.root.absolute()), menu.Tty()
    try:
        if given.verb == "boot":
            asyncio.run(boot(node, terminal))
        elif given.verb == "status":
            terminal.say(json.dumps(status(node), indent=2))
        else:
            return asyncio.run(console(node, terminal) if given.verb == "console" else finish(node, terminal))
    except (EOFError, KeyboardInterrupt):
        return 0
    except RacklessError as error:
        terminal.say(f"{error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
