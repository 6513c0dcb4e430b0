"""Bundles by RAUC: verified, and written into the slot that does not run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from rackless.model.errors import InputError, ProviderError
from rackless.running import run
from rackless.vmhost import setimage
from rackless.vmhost.linux.disks import PATH

CONFIGURATION = Path("/etc/rauc/system.conf")
KEYRING = Path("/etc/rauc/ca.pem")
PLATFORM = "rackless-vmhost-amd64"
LONGEST = 3600.0
"""Seconds that writing a bundle may take."""
REASONS = (
    (
        r"signature|certificate|verif|CMS|PKCS7",
        "it is not signed by an authority that this host trusts, or was changed after it was signed",
    ),
    (r"size|truncat|EOF|short|squashfs|identif", "it is not whole: it ends too early, or is no bundle"),
)


def reason(text: str) -> str:
    """Why RAUC refuses a bundle, in our words; RAUC's own where they are none that we know."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    last = lines[-1] if lines else "no reason given"
    for pattern, words in REASONS:
        if re.search(pattern, last, re.IGNORECASE):
            return words
    return last


async def check(file: Path, *, least: str = "", platform: str = PLATFORM, keyring: Path = KEYRING) -> dict[str, object]:
    """What a bundle says of itself, after its signature was verified.

    Raises:
        InputError: it is refused, with the reason.
    """
    if not file.is_file():
        raise InputError(f"There is no file {file}.", hint="Copy the bundle onto the host first.")
    done = await run(
        ["rauc", "info", f"--keyring={keyring}", "--output-format=json", file],
        deadline=300,
        env=PATH,
        check=False,
        hint="Install the package rauc.",
    )
    if done.code:
        raise InputError(
            f"{file.name} is refused: {reason(done.err.decode(errors='replace'))}.", hint="Get the bundle again from who made it."
        )
    about: dict[str, object] = json.loads(done.out)
    found, version = str(about.get("compatible")), str(about.get("version"))
    if found != platform:
        raise InputError(
            f"{file.name} is refused: it is for {found}, and this host is {platform}.", hint="Get the bundle for this platform."
        )
    if least and not setimage.newer_or_equal(version, least):
        raise InputError(
            f"{file.name} is refused: its version {version} is older than {least}, the oldest that this host allows.",
            hint="Change `least-version` of the host, if that is what you want.",
        )
    return about


async def install(file: Path, *, say: Callable[[str], None]) -> None:
    """
    Raises:
        ProviderError: RAUC's words for what failed.
    """
    say(f"Writing {file.name}")
    done = await run(["rauc", "install", file], deadline=LONGEST, env=PATH, check=False)
    text = done.out.decode(errors="replace") + done.err.decode(errors="replace")
    for line in text.splitlines():
        if "%" in line:
            say(line.strip())
    if done.code:
        found = re.search(r"LastError:\s*(.+)", text)
        raise ProviderError(
            f"{file.name} was not installed: {found[1].strip() if found else reason(text)}.", hint="The running set is unchanged."
        )
