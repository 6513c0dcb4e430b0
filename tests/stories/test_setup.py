"""Setting up and building the image where this user may not: one sentence and the way out, and nothing half done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.stories.shell import ROOT

PROGRAMS = ("bash", "cat", "dirname", "dpkg-query", "grep")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that needs a package which is not installed, and a search path where the user is not root."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "packaging", folder / "packaging")
    (folder / "packaging/apt.txt").write_text("# needed\nno-such-package\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).symlink_to(str(shutil.which(name)))
    program(programs / "id", "echo 1000")
    return folder


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def set_up(checkout: Path) -> subprocess.CompletedProcess[str]:
    command = [str(checkout / "packaging/setup.sh")]
    path = {"PATH": str(checkout.parent / "bin")}
    return subprocess.run(command, env=path, capture_output=True, text=True, timeout=60, check=False)


def test_without_sudo_the_missing_packages_are_named(checkout: Path) -> None:
    done = set_up(checkout)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Error: these Debian packages are missing: no-such-package",
        "Hint: install them as root: apt-get install no-such-package",
    ]
    assert not (checkout / ".venv").exists()


def test_a_sudo_that_refuses_is_told_with_the_same_way_out(checkout: Path) -> None:
    program(checkout.parent / "bin/sudo", "echo 'sudo: a terminal is required' >&2; exit 1")
    done = set_up(checkout)
    assert done.returncode == 1
    assert "sudo: a terminal is required" in done.stderr
    assert "Error: these Debian packages are missing, and sudo refused: no-such-package" in done.stderr
    assert "Hint: install them as root: apt-get install no-such-package" in done.stderr


def test_an_image_store_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "rackless.images.reference", "--images", str(tmp_path / "file/images")]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"Error: {tmp_path / 'file/images'} cannot be used by " in done.stderr
    assert "Hint: Set RACKLESS_IMAGES" in done.stderr
    assert "Traceback" not in done.stderr
