"""rackless connect, disconnect, link, capture."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rackless.cli.options import End, InJson, Lab, OtherEnd
from rackless.cli.output import as_json, say, tell

REWIRING = 60.0
"""Seconds to wait for a wire's job in one request."""


def connect(lab: Lab, a: End, b: OtherEnd, in_json: InJson = False) -> None:
    """Join two free ports behind their running machines.

    Example: rackless connect back-to-back west:ge-0/0/1 east:ge-0/0/1
    """
    from rackless.client.api import Api

    with Api() as api:
        done = api.ask("POST", f"/labs/{lab}/wires", body={"a": a, "b": b}, wait=REWIRING)
    if in_json:
        as_json({"lab": lab, "ends": [a, b], "state": "connected", "job": done["job"]})
    else:
        say(f"{a} and {b} are connected.")


def disconnect(lab: Lab, a: End, b: OtherEnd, in_json: InJson = False) -> None:
    """Take the wire between two ports away. Nothing reboots.

    Example: rackless disconnect back-to-back west:ge-0/0/1 east:ge-0/0/1
    """
    from rackless.client.api import Api

    with Api() as api:
        done = api.ask("DELETE", f"/labs/{lab}/wires", query={"a": a, "b": b}, wait=REWIRING)
    if in_json:
        as_json({"lab": lab, "ends": [a, b], "state": "disconnected", "job": done["job"]})
    else:
        say(f"{a} and {b} are disconnected.")


def link(
    lab: Lab,
    end: End,
    other: Annotated[str | None, typer.Argument(metavar="[END]", help="Its other end, to be sure.", show_default=False)] = None,
    up: Annotated[bool | None, typer.Option("--up/--down", help="Which of the two.", show_default=False)] = None,
    delay: Annotated[str | None, typer.Option(help="What each frame takes longer: 20ms.", show_default=False)] = None,
    jitter: Annotated[str | None, typer.Option(help="How much more or less: 2ms.", show_default=False)] = None,
    loss: Annotated[str | None, typer.Option(help="Share of the frames that are lost: 1%.", show_default=False)] = None,
    rate: Annotated[str | None, typer.Option(help="Bits a second: 64k, 10m, 1g.", show_default=False)] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Let it carry every frame at once again.")] = False,
    in_json: InJson = False,
) -> None:
    """Put a wire down, as if its cable were pulled, or up again; or have it delay, lose and slow down frames, in each direction.

    What is not said of delay, jitter, loss and rate is none. The wire stays, and nothing reboots.

    Example: rackless link back-to-back west:ge-0/0/0 --delay 20ms --jitter 2ms --loss 1% --rate 10m
    """
    from rackless.client.api import Api

    wish = {key: text for key, text in (("delay", delay), ("jitter", jitter), ("loss", loss), ("rate", rate)) if text is not None}
    if sum([up is not None, bool(wish), clear]) != 1:
        raise typer.BadParameter("say --down or --up, --clear, or how to impair it: --delay 20ms")
    if up is None:
        _impair(lab, {"end": end, "other": other, **wish}, in_json=in_json)
        return
    with Api() as api:
        done = api.ask("PATCH", f"/labs/{lab}/wires", body={"end": end, "other": other, "up": up}, wait=REWIRING)
    state = "connected" if up else "down"
    if in_json:
        as_json({"lab": lab, "end": end, "state": state, "job": done["job"]})
    else:
        say(f"The wire at {end} is {'up' if up else 'down'}.")


def _impair(lab: str, wish: dict[str, str | None], *, in_json: bool) -> None:
    from rackless.client.api import Api

    with Api() as api:
        done = api.ask("PUT", f"/labs/{lab}/wires/impairment", body=wish, wait=REWIRING)
        wires = api.ask("GET", f"/labs/{lab}")["wires"]
    is_: dict[str, str] = next((wire["impairment"] for wire in wires if wish["end"] in wire["ends"]), {})
    if in_json:
        as_json({"lab": lab, "end": wish["end"], "impairment": is_, "job": done["job"]})
    else:
        told = ", ".join(f"{key} {text}" for key, text in is_.items())
        say(f"The wire at {wish['end']} has {told}." if told else f"The wire at {wish['end']} is not impaired.")


def capture(
    lab: Lab,
    end: End,
    write: Annotated[str, typer.Option("--write", "-w", metavar="FILE", help="Where to; - is standard output.")] = "-",
    in_json: InJson = False,
) -> None:
    """Capture the frames of a port, in both directions, as pcap. Ctrl-C ends it.

    Example: rackless capture back-to-back west:ge-0/0/0 | wireshark -k -i -
    """
    from rackless.client.api import Api
    from rackless.model.errors import InputError, ProviderError

    if write == "-" and (sys.stdout.isatty() or in_json):
        raise InputError(
            "A capture is binary data, and standard output is a terminal or is to be JSON.", hint="Use `-w FILE`, or a pipe."
        )
    size = 0
    with Api() as api, api.stream("GET", f"/labs/{lab}/capture", query={"end": end}) as answer:
        try:
            # Unbuffered: what was captured is in the file, and a full disk is seen at once.
            out = sys.stdout.buffer if write == "-" else open(write, "wb", buffering=0)  # noqa: SIM115 - closed below
        except OSError as error:
            raise InputError(f"{write} cannot be written: {error.strerror}.", hint="Name another file.") from error
        try:
            if write != "-":
                tell(f"Capturing {end} into {write}; Ctrl-C ends.")
            for piece in answer:
                out.write(piece)
                out.flush()
                size += len(piece)
        except KeyboardInterrupt:
            tell("")
        except BrokenPipeError:
            raise
        except OSError as error:
            what = "The output" if write == "-" else write
            raise ProviderError(f"{what} cannot be written: {error.strerror}.", hint="Is there room on the disk?") from error
        finally:
            if write != "-":
                out.close()
    if in_json:
        as_json({"lab": lab, "end": end, "file": write, "bytes": size})


def add(app: typer.Typer) -> None:
    for command in (connect, disconnect, link, capture):
        app.command()(command)
