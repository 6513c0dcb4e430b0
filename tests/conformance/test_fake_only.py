"""What only the fake has: faults, guests that answer, a cloud that survives its process."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from rackless.model.errors import ProviderError
from rackless.providers.contract import Power, RefKind, Stream
from rackless.providers.fake import FakeProvider
from rackless.providers.fake_cloud import FakeCloud

sys.path.insert(0, str(Path(__file__).parent))

import specs  # type: ignore[import-not-found]  # beside this file, which is no package


async def router(provider: FakeProvider) -> None:
    await provider.ensure(specs.internal("lab", "west"))
    for name in ("west-vcp", "west-vfp0"):
        spec = specs.machine("lab", name, console=9300)
        await provider.ensure(spec.disks[0])
        ref = await provider.ensure(spec)
        await provider.power(ref, Power.ON)


async def ask(provider: FakeProvider, name: str, **request) -> dict:
    ref = next(ref for ref in await provider.owned("lab") if ref.name == name)
    stream = await provider.channel(ref)
    await stream.write(json.dumps({"id": "t", **request}).encode() + b"\n")
    answer = json.loads(await asyncio.wait_for(stream.read(), 5))
    await stream.close()
    assert answer.pop("id") == "t"
    return answer


async def expect(stream: Stream, text: str, send: str = "") -> str:
    if send:
        await stream.write(send.encode() + b"\r")
    seen = ""
    while text not in seen:
        seen += (await asyncio.wait_for(stream.read(), 5)).decode()
    return seen


async def test_the_first_boot_dialogue_then_a_login_with_the_new_password() -> None:
    provider = FakeProvider()
    await router(provider)
    ref = next(ref for ref in await provider.owned("lab") if ref.name == "west-vcp")
    stream = await provider.console(ref)
    await expect(stream, "login: ")
    await expect(stream, "~# ", "root")
    await expect(stream, "> ", "cli")
    await expect(stream, "# ", "configure")
    assert "root-authentication" in await expect(stream, "# ", "commit")
    await expect(stream, "New password: ", "set system root-authentication plain-text-password")
    assert "secret9" not in await expect(stream, "Retype new password: ", "secret9")
    await expect(stream, "# ", "secret9")
    await expect(stream, "# ", "set system host-name west")
    provider.cloud.fail("commit")
    assert "error" in await expect(stream, "# ", "commit")
    assert "commit complete" in await expect(stream, "root@west# ", "commit")
    await expect(stream, "> ", "exit")
    await expect(stream, "~# ", "exit")
    await expect(stream, "login: ", "exit")
    await expect(stream, "Password: ", "root")
    await expect(stream, "Login incorrect", "wrong")
    await expect(stream, "Password: ", "root")
    await expect(stream, "root@west:~# ", "secret9")


async def test_a_cards_ports_show_on_its_controller_once_both_are_identified() -> None:
    provider = FakeProvider()
    await router(provider)
    nics: list[dict] = []
    await ask(provider, "west-vcp", do="identify", role="controller", slot=None, hostname="west", time=0.0, nics=nics)
    assert (await ask(provider, "west-vcp", do="status"))["ports"] == []
    await ask(provider, "west-vfp0", do="identify", role="card", slot=0, hostname="west-vfp0", time=0.0, nics=nics)
    status = await ask(provider, "west-vcp", do="status")
    assert [port["label"] for port in status["ports"]] == ["ge-0/0/0", "ge-0/0/1"]
    again = await ask(provider, "west-vfp0", do="identify", role="card", slot=1, hostname="x", time=0.0, nics=nics)
    assert not again["ok"]


async def test_a_missing_card_is_missing_for_one_boot() -> None:
    provider = FakeProvider()
    provider.cloud.fail("card", name="west-vfp0")
    await router(provider)
    ref = next(ref for ref in await provider.owned("lab") if ref.name == "west-vfp0")
    stream = await provider.channel(ref)
    await stream.write(b'{"id": "t", "do": "ping"}\n')
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stream.read(), 0.05)
    await provider.power(ref, Power.RESET)
    assert (await ask(provider, "west-vfp0", do="ping"))["ok"]


async def test_stuck_at_the_boot_menu_as_often_as_told() -> None:
    provider = FakeProvider()
    provider.cloud.fail("boot", 2, name="west-vcp")
    await router(provider)
    ref = next(ref for ref in await provider.owned("lab") if ref.name == "west-vcp")
    for end in ("boot: ", "boot: ", "login: "):
        stream = await provider.console(ref)
        await expect(stream, end)
        await provider.power(ref, Power.RESET)


async def test_the_cloud_survives_its_process(tmp_path: Path) -> None:
    path = tmp_path / "cloud"
    code = f"""
import asyncio, os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_fake_only
from pathlib import Path
from rackless.providers.fake import FakeProvider
from rackless.providers.fake_cloud import FakeCloud
asyncio.run(test_fake_only.router(FakeProvider(FakeCloud(Path({str(path)!r})))))
os.kill(os.getpid(), 9)
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await asyncio.wait_for(process.wait(), 60) == -9
    provider = FakeProvider(FakeCloud(path))
    refs = await provider.owned("lab")
    assert [ref.running for ref in refs if ref.kind is RefKind.MACHINE] == [True, True]
    assert (await ask(provider, "west-vcp", do="ping"))["ok"]


@pytest.mark.parametrize("after", [False, True])
async def test_a_fault_before_or_after_the_deed(after: bool) -> None:
    provider = FakeProvider()
    provider.cloud.fail("ensure", after=after)
    with pytest.raises(ProviderError, match="told to fail"):
        await provider.ensure(specs.internal("lab", "west"))
    assert len(await provider.owned("lab")) == int(after)
