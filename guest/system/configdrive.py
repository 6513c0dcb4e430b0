"""The identity of a machine without a host channel: on a volume `config-2`, a config drive (docs/reference/config-drive.md).

In `rackless.json`, or else in what OpenStack calls user data.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from system.identity import BadIdentity, Identity, parse

MODULES = ("ata_piix", "ahci", "sr_mod", "sd_mod", "isofs", "nls_ascii", "nls_cp437", "vfat")
VOLUME = "config-2"
MOUNT = Path("/run/rackless/config-drive")
FILES = ("rackless.json", "openstack/latest/user_data")


def read_identity() -> Identity | None:
    """None when there is no such volume or file on it.

    Raises:
        BadIdentity: the file is there and no identity.
    """
    subprocess.run(["/sbin/modprobe", "-abq", *MODULES], check=False, timeout=60)
    # Not busybox's findfs, which knows no ISO 9660.
    device = _run("/usr/sbin/blkid", "-c", "/dev/null", "-l", "-t", f"LABEL={VOLUME}", "-o", "device")
    if not device:
        return None
    MOUNT.mkdir(parents=True, exist_ok=True)
    _run("/bin/busybox", "mount", "-o", "ro", device, str(MOUNT))
    try:
        return identity_in(MOUNT)
    finally:
        _run("/bin/busybox", "umount", str(MOUNT))


def identity_in(folder: Path) -> Identity | None:
    """Of the first of FILES that is there.

    Raises:
        BadIdentity: it is no identity.
    """
    for name in FILES:
        try:
            values = json.loads((folder / name).read_text())
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise BadIdentity(f"{name} cannot be read: {error}") from error
        if not isinstance(values, dict):
            raise BadIdentity(f"{name} is not an object.")
        return parse(values)
    return None


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout.strip()
