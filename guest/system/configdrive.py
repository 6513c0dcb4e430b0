"""The identity of a machine without a host channel: file `rackless.json` on a volume `config-2` (a config drive)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from system.identity import BadIdentity, Identity, parse

MODULES = ("ata_piix", "ahci", "sr_mod", "sd_mod", "isofs", "nls_ascii", "nls_cp437", "vfat")
VOLUME = "config-2"
MOUNT = Path("/run/rackless/config-drive")


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
        values = json.loads((MOUNT / "rackless.json").read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadIdentity(f"rackless.json cannot be read: {error}") from error
    finally:
        _run("/bin/busybox", "umount", str(MOUNT))
    if not isinstance(values, dict):
        raise BadIdentity("rackless.json is not an object.")
    return parse(values)


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout.strip()
