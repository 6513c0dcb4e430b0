"""Configuration drives as clouds attach them: a CD (ISO 9660) or a FAT disk, with the volume label config-2."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from rackless.images import configdisk

LABEL = "config-2"
FILE = "rackless.json"
USER_DATA = "openstack/latest/user_data"


def fat_disk(path: Path, identity: dict[str, object]) -> Path:
    """A disk without partitions. Made with dosfstools and mtools."""
    text = path.with_suffix(".json")
    text.write_text(json.dumps(identity))
    for command in (
        ["mkfs.vfat", "-C", "-n", LABEL, str(path), "1440"],
        ["mcopy", "-i", str(path), str(text), f"::{FILE}"],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    return path


def cd(path: Path, identity: dict[str, object]) -> Path:
    """As OpenStack makes it: the identity is the user data."""
    path.write_bytes(configdisk.iso({USER_DATA: json.dumps(identity).encode(), "openstack/latest/meta_data.json": b"{}"}))
    return path
