"""Where this machine's apt gets its Debian packages from, so that the image's come from the same place."""

from __future__ import annotations

import re
from pathlib import Path

from rackless.model.errors import InputError

PARTS = ("", "-updates", "-security")


def codename(os_release: str) -> str:
    """VERSION_CODENAME of /etc/os-release.

    Raises:
        InputError: this machine is no Debian.
    """
    values = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    if values.get("ID", "").strip('"') != "debian" or "VERSION_CODENAME" not in values:
        raise InputError(
            "The reference image is built from Debian's packages, and this machine is no Debian release.",
            hint="Build it on a Debian 12, or copy an image directory from one.",
        )
    return values["VERSION_CODENAME"].strip('"')


def debian_entries(etc_apt: Path, suite: str) -> tuple[str, str]:
    """This machine's entries for Debian itself, and no third party's: (one-line entries, deb822 entries), texts for apt.

    An entry counts when its suites are the release's and its components have `main`.

    Raises:
        InputError: there is none.
    """
    suites = {suite + part for part in PARTS}
    lines: list[str] = []
    stanzas: list[str] = []
    files = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*.list"))]
    for file in files:
        if file.is_file():
            lines += [line for line in file.read_text().splitlines() if _is_debian_line(line, suites)]
    for file in sorted((etc_apt / "sources.list.d").glob("*.sources")):
        stanzas += [stanza for stanza in re.split(r"\n\s*\n", file.read_text()) if _is_debian_stanza(stanza, suites)]
    if not lines and not stanzas:
        raise InputError(
            f"apt of this machine has no source for Debian {suite}.", hint="Put one into /etc/apt/sources.list.d and try again."
        )
    return "".join(f"{line}\n" for line in lines), "\n\n".join(stanzas)


def _is_debian_line(line: str, suites: set[str]) -> bool:
    found = re.match(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)", line.strip())
    return found is not None and found[2] in suites and "main" in found[3].split()


def _is_debian_stanza(stanza: str, suites: set[str]) -> bool:
    text = "\n".join(line for line in stanza.splitlines() if not line.startswith("#"))
    fields = {key.lower(): value for key, value in re.findall(r"^([\w-]+):[ \t]*(.*)$", text, re.MULTILINE)}
    return (
        "deb" in fields.get("types", "").split()
        and fields.get("enabled", "yes").lower() not in ("no", "false")
        and set(fields.get("suites", "").split()) <= suites
        and bool(fields.get("suites"))
        and "main" in fields.get("components", "").split()
    )


def transport_settings(dump: str) -> str:
    """Proxies and certificates out of `apt-config dump`, as lines of apt.conf."""
    return "".join(f"{line}\n" for line in dump.splitlines() if re.match(r"Acquire::https?::\S+ \".+\";", line))
