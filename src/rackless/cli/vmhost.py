"""rackless vmhost: the host under a router, for its operator."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from rackless.cli.options import InJson, moment, span
from rackless.cli.output import as_json, clock, say, table, tell
from rackless.model.errors import InputError
from rackless.model.vmhost_verbs import BootDevice, Disk, FileKind, Verb

app = typer.Typer(help="The VM host that this machine is. Example: rackless vmhost show status", no_args_is_help=True)

SHOWN = {
    verb.value: verb
    for verb in (
        Verb.STATUS, Verb.VERSION, Verb.UPTIME, Verb.SNAPSHOT, Verb.HARDWARE, Verb.INFORMATION, Verb.RESOURCES, Verb.PROCESSES,
        Verb.NETSTAT, Verb.BRIDGES, Verb.MANAGEMENT,
    )
}  # fmt: skip
At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="When: 18:30, 2026-03-01T18:30.", show_default=False)]
In = Annotated[str | None, typer.Option("--in", metavar="TIME", help="After how long: 10m, 2h.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
TIMES = frozenset({"at", "now", "since", "booted_at", "upgraded_at", "installed_at", "taken_at", "changed_at"})
BYTES = frozenset({"memory", "memory_used", "size", "used", "swap", "swap_used", "resident"})


@app.command("show")
def show(
    what: Annotated[str, typer.Argument(metavar="WHAT", help=", ".join(SHOWN) + ".")] = Verb.STATUS.value, in_json: InJson = False
) -> None:
    """Show the state of the host and its guests, its software sets, hardware and use.

    Example: rackless vmhost show version
    """
    if what not in SHOWN:
        from rackless.model.suggestions import did_you_mean

        raise InputError(f"There is no '{what}' to show.", hint=did_you_mean(what, SHOWN, "facts"))
    from rackless.client.vmhost import HostApi

    with HostApi() as host:
        found = host.shown(SHOWN[what])
    if in_json:
        as_json(found)
    elif found is None:
        say("No snapshot was taken." if what == Verb.SNAPSHOT.value else "Nothing is known.")
    else:
        _sheet(found)


@app.command("files")
def files(
    kind: Annotated[FileKind, typer.Argument(metavar="KIND", help="log or crash.")],
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One of them, to standard output.", show_default=False)
    ] = None,
    last: Annotated[int, typer.Option("--last", min=0, help="Only that many of its last bytes; 0: all of it.")] = 0,
    in_json: InJson = False,
) -> None:
    """List the host's logs or crash dumps, or print one.

    Example: rackless vmhost files log agent.log
    """
    from rackless.client.vmhost import HostApi

    with HostApi() as host:
        if name is None:
            found = host.shown(Verb.FILES, kind=kind.value)
            if in_json:
                as_json(found)
            else:
                table(["name", "size", "changed"], [[one["name"], one["size"], clock(one["changed_at"])] for one in found])
            return
        for piece in host.read(kind.value, name, last):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


@app.command("console")
def console(
    guest: Annotated[
        str, typer.Argument(metavar="GUEST", help="Name of the guest; without it the administrative one.", show_default=False)
    ] = "",
) -> None:
    """Join the serial line of a guest. Ctrl-] leaves it; the line stays open. Who joins sees what comes from then on.

    Example: rackless vmhost console re0
    """
    from rackless.client.terminal import join_line
    from rackless.client.vmhost import HostApi

    with HostApi() as host:
        guests = {str(one["name"]): one for one in host.shown(Verb.STATUS)["guests"]}
        if not guest:
            guest = next((name for name, one in guests.items() if one["administrative"]), "")
        if guest not in guests:
            from rackless.model.suggestions import did_you_mean

            if not guest:
                raise InputError(
                    "No guest here is the administrative one.", hint="`rackless vmhost show status` lists the guests."
                )
            raise InputError(f"There is no guest '{guest}'.", hint=did_you_mean(guest, guests, "guests"))
        with host.console(guest) as line:
            join_line(line, opening=f"Serial line of {guest}; Ctrl-] leaves.")


# ---- software


@app.command("add")
def add_software(
    file: Annotated[
        str, typer.Argument(metavar="FILE|URL", help="A signed bundle; a URL is fetched by the host.", show_default=False)
    ],
    no_validate: Annotated[bool, typer.Option("--no-validate", help="Don't check that the guest's configuration fits.")] = False,
    reboot: Annotated[bool, typer.Option("--reboot", help="Reboot the host when it is added.")] = False,
    in_json: InJson = False,
) -> None:
    """Verify a bundle and write it to the alternate set, which the next boot takes.

    Example: rackless vmhost add vmhost-26.4R1.tgz --reboot
    """
    from rackless.client.vmhost import HostApi

    if file.startswith(("http://", "https://")):
        _ask(Verb.FETCH_SOFTWARE, in_json, address=file, validate=not no_validate, reboot=reboot)
        return
    path = Path(file)
    try:
        bundle = path.open("rb")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    with bundle, HostApi() as host:
        size = os.fstat(bundle.fileno()).st_size
        if not size:
            raise InputError(f"{path} is empty.")
        done = host.add_software(bundle, size, path.name, tell, validate=not no_validate, reboot=reboot)
    _done(done, in_json)


@app.command("abort")
def abort(in_json: InJson = False) -> None:
    """Stop adding software, or take back what waits for a reboot.

    Example: rackless vmhost abort
    """
    _ask(Verb.ABORT_SOFTWARE, in_json)


@app.command("rollback")
def rollback(in_json: InJson = False) -> None:
    """Boot the alternate set next; again: the current one.

    Example: rackless vmhost rollback
    """
    _ask(Verb.ROLL_BACK, in_json)


@app.command("snapshot")
def snapshot(
    recovery: Annotated[bool, typer.Option("--recovery", help="As the snapshot that is kept for recovery.")] = False,
    partition: Annotated[
        bool, typer.Option("--partition", help="Make the backup disk's partitions anew: all on it is lost.")
    ] = False,
    yes: Yes = False,
    in_json: InJson = False,
) -> None:
    """Copy the primary disk's software to the backup disk, able to boot by itself.

    Example: rackless vmhost snapshot
    """
    if partition:
        _sure("What is on the backup disk is lost. Go on?", yes)
    _ask(Verb.TAKE_SNAPSHOT, in_json, recovery=recovery, partition=partition)


# ---- power


@app.command("reboot")
def reboot(
    device: Annotated[
        BootDevice | None,
        typer.Option("--from", metavar="DEVICE", help="disk1, disk2, usb or network, once.", show_default=False),
    ] = None,
    at: At = None,
    after: In = None,
    yes: Yes = False,
    in_json: InJson = False,
) -> None:
    """Reboot the host and its guests.

    Example: rackless vmhost reboot --in 10m
    """
    _sure("The host and all its guests reboot. Go on?", yes)
    _ask(Verb.REBOOT, in_json, device=device.value if device else "", after=_after(at, after))


@app.command("power-off")
def power_off(at: At = None, after: In = None, yes: Yes = False, in_json: InJson = False) -> None:
    """Stop the guests and switch the host off.

    Example: rackless vmhost power-off --at 22:00
    """
    _sure("The host and all its guests are switched off. Go on?", yes)
    _ask(Verb.POWER_OFF, in_json, after=_after(at, after))


@app.command("halt")
def halt(at: At = None, after: In = None, yes: Yes = False, in_json: InJson = False) -> None:
    """Stop the guests and the host; the power stays on.

    Example: rackless vmhost halt
    """
    _sure("The host and all its guests stop. Go on?", yes)
    _ask(Verb.HALT, in_json, after=_after(at, after))


@app.command("power-on")
def power_on(
    guest: Annotated[str, typer.Argument(metavar="GUEST", help="Name of the guest; without it all.", show_default=False)] = "",
    in_json: InJson = False,
) -> None:
    """Start guests that are off or failed.

    Example: rackless vmhost power-on re0
    """
    _ask(Verb.POWER_ON, in_json, guest=guest)


@app.command("cancel")
def cancel(in_json: InJson = False) -> None:
    """Forget the reboot, power-off or halt that is scheduled.

    Example: rackless vmhost cancel
    """
    _ask(Verb.CANCEL, in_json)


# ---- the rest


@app.command("cleanup")
def cleanup(in_json: InJson = False) -> None:
    """Remove rotated logs, old crash dumps and left temporary files.

    Example: rackless vmhost cleanup
    """
    _ask(Verb.CLEAN_UP, in_json)


@app.command("test-disk")
def check_disk(
    disk: Annotated[Disk, typer.Argument(metavar="DISK", help="disk1 or disk2.", show_default=False)],
    extended: Annotated[bool, typer.Option("--long", help="All of the disk.")] = False,
    in_json: InJson = False,
) -> None:
    """Test a disk.

    Example: rackless vmhost test-disk disk2
    """
    _ask(Verb.TEST_DISK, in_json, disk=disk.value, extended=extended)


@app.command("auto-recovery")
def auto_recovery(
    state: Annotated[str, typer.Argument(metavar="on|off", help="on or off.", show_default=False)], in_json: InJson = False
) -> None:
    """Switch the host's auto-recovery on or off. The guest's configuration sets it anew when it is committed.

    Example: rackless vmhost auto-recovery off
    """
    if state not in ("on", "off"):
        raise InputError(f"'{state}' is neither on nor off.", hint="Example: rackless vmhost auto-recovery off")
    _ask(Verb.AUTO_RECOVERY, in_json, on=state == "on")


@app.command("zeroize")
def zeroize(yes: Yes = False, in_json: InJson = False) -> None:
    """Forget all configuration, keys, logs and guests' data on both disks, and boot as new. Asks twice.

    Example: rackless vmhost zeroize
    """
    _sure("All configuration, keys, logs and guests' data on both disks are erased. Go on?", yes)
    _sure("There is no way back. Really erase?", yes)
    _ask(Verb.ZEROIZE, in_json, sure=True)


def _sure(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError("Nobody is there to be asked whether that is meant.", hint="`--yes` does it without a question.")
    if not typer.confirm(question, err=True):
        raise InputError("Nothing was done.")


def _after(at: str | None, after: str | None) -> float:
    if at is not None and after is not None:
        raise InputError("Either --at or --in says when, not both.")
    if after is not None:
        return span(after) or 0.0
    when = moment(at)
    if when is None:
        return 0.0
    if when <= time.time():
        raise InputError(f"{clock(when)} is over.")
    return when - time.time()


def _ask(what: Verb, in_json: bool, **values: object) -> None:
    from rackless.client.vmhost import HostApi

    with HostApi() as host:
        _done(host.request(what, tell, **values), in_json)


def _done(done: dict[str, Any], in_json: bool) -> None:
    if in_json:
        as_json(done)
        return
    for line in done["lines"]:
        say(line)
    scheduled = done["scheduled"]
    if scheduled:
        device = f" from {scheduled['device']}" if scheduled["device"] else ""
        say(f"{scheduled['action'].capitalize()}{device} at {clock(scheduled['at'])}. `rackless vmhost cancel` forgets it.")
    if done["reboot_needed"]:
        say("It takes effect with the next boot: rackless vmhost reboot")
    if not (done["lines"] or scheduled or done["reboot_needed"]):
        say("Done.")


# ---- tables


def _sheet(found: Any) -> None:
    """Any facts: a table of lists of objects; what is plain in two columns, then a table for each list in it."""
    if isinstance(found, list):
        _rows(found, "")
        return
    plain = {name: value for name, value in found.items() if not _nested(value)}
    table(["fact", "value"], [[name.replace("_", " "), _cell(name, value)] for name, value in plain.items()])
    for name, value in found.items():
        if _nested(value):
            say()
            _rows(value if isinstance(value, list) else [value], name.replace("_", " ").capitalize() + ":")


def _nested(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _rows(found: list[dict[str, Any]], title: str) -> None:
    if not found:
        say("None.")
        return
    names = list(found[0])
    table([name.replace("_", " ") for name in names], [[_cell(name, one[name]) for name in names] for one in found], title=title)


def _cell(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in TIMES and isinstance(value, int | float):
        return clock(value)
    if name in BYTES and isinstance(value, int) and value:
        return f"{value / (1 << 30):.1f} GiB" if value >= 1 << 30 else f"{value / (1 << 20):.1f} MiB"
    if isinstance(value, list):
        return "; ".join(
            f"{clock(one['at'])} {one['reason']}" if isinstance(one, dict) and "reason" in one else str(one) for one in value
        )
    return "" if value is None else str(value)


def add(to: typer.Typer) -> None:
    to.add_typer(app, name="vmhost")
