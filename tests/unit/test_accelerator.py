"""The accelerator is chosen by booting with it, once per host boot, QEMU and kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from rackless.model.errors import InputError
from rackless.qemu.accelerator import Accelerator, boots
from rackless.qemu.command import TCG, Virtualization


async def test_the_boot_sector_boots_under_emulation() -> None:
    assert await boots(TCG, None, seconds=30) == ""


async def test_an_accelerator_that_is_not_there_says_why() -> None:
    missing = Virtualization(name="nonesuch", cpu="qemu64")
    assert "nonesuch" in await boots(missing, None, seconds=30)


async def test_what_is_no_kernel_does_not_count_as_booting(tmp_path: Path) -> None:
    kernel = tmp_path / "kernel"
    kernel.write_bytes(b"no kernel at all")
    assert await boots(TCG, kernel, seconds=3) != ""


async def test_a_finding_is_kept_until_the_kernel_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rackless.qemu import accelerator

    tried: list[Path | None] = []

    async def tries(how: Virtualization, kernel: Path | None, *, seconds: float) -> str:
        tried.append(kernel)
        return "it hung"

    monkeypatch.setattr(accelerator, "_no_kvm", lambda: "")
    monkeypatch.setattr(accelerator, "boots", tries)
    kernel = tmp_path / "kernel"
    kernel.write_bytes(b"one")
    for _ in range(2):
        found = await Accelerator(tmp_path / "cache.json").find(kernel)
        assert found.how.name == "tcg"
        assert "it hung" in found.why
    assert len(tried) == 1
    kernel.write_bytes(b"another")
    await Accelerator(tmp_path / "cache.json").find(kernel)
    assert len(tried) == 2


def test_a_wrong_wish_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="warp"):
        Accelerator(tmp_path / "cache.json", "warp")
