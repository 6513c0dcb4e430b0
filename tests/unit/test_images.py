"""The image store and the pure parts of the builder."""

from __future__ import annotations

import lzma
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from rackless.images import kernel, reference, sources, store
from rackless.images.disk import cpio, initrd
from rackless.model.errors import InputError, NotFoundError, StateError


def built(folder: Path, content: str = "x") -> Path:
    out = folder / "reference" / ".build" / "out"
    out.mkdir(parents=True)
    for file in store.FILES.values():
        (out / file).write_text(content)
    return out


class TestStore:
    def test_a_published_image_is_found_and_serves_hosts_too(self, tmp_path: Path) -> None:
        store.publish(tmp_path, "reference", "d1", built(tmp_path))
        image = store.find(tmp_path, "linux")
        assert (image.name, image.digest) == ("linux", "d1")
        assert image.disk == tmp_path / "reference/d1/root.qcow2"
        assert "rr.root=/dev/vda2" in image.append
        assert store.has(tmp_path, "reference", "d1")
        assert not store.has(tmp_path, "reference", "d2")

    def test_current_moves_and_the_old_one_stays_for_its_machines(self, tmp_path: Path) -> None:
        old = store.publish(tmp_path, "reference", "d1", built(tmp_path))
        shutil.rmtree(tmp_path / "reference/.build")
        new = store.publish(tmp_path, "reference", "d2", built(tmp_path, "y"))
        assert old.disk.read_text() == "x"
        assert new.disk.read_text() == "y"
        assert store.find(tmp_path, "reference").digest == "d2"

    def test_what_is_missing_is_said_with_the_way_out(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match="no image reference") as caught:
            store.find(tmp_path, "reference")
        assert "make images" in caught.value.hint
        image = store.publish(tmp_path, "reference", "d1", built(tmp_path))
        image.kernel.unlink()
        with pytest.raises(NotFoundError, match="lacks kernel"):
            store.find(tmp_path, "reference")

    def test_two_builders_at_once_are_refused(self, tmp_path: Path) -> None:
        with (
            store.building(tmp_path, "reference"),
            pytest.raises(StateError, match="another process"),
            store.building(tmp_path, "reference"),
        ):
            pass
        with store.building(tmp_path, "reference"):
            pass


DEB822 = """\
Types: deb
# an archived state: http://archive.example/debian/20250101T000000Z
URIs: http://one.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://third.example/node
Suites: nodistro
Components: main

Enabled: no
Types: deb
URIs: http://two.example/debian
Suites: bookworm
Components: main
"""
LINES = """\
# deb http://off.example/debian bookworm main
deb http://one.example/debian bookworm main contrib
deb [signed-by=/k.gpg arch=amd64] http://one.example/security bookworm-security main
deb https://third.example/linux bookworm stable
deb-src http://one.example/debian bookworm main
"""


class TestSources:
    def test_debians_own_entries_are_taken_and_no_third_partys(self, tmp_path: Path) -> None:
        (tmp_path / "sources.list.d").mkdir()
        (tmp_path / "sources.list").write_text(LINES)
        (tmp_path / "sources.list.d/debian.sources").write_text(DEB822)
        lines, stanzas = sources.debian_entries(tmp_path, "bookworm")
        assert [line.split("//")[1].split()[0] for line in lines.splitlines()] == ["one.example/debian", "one.example/security"]
        assert stanzas.count("Types:") == 1
        assert "one.example" in stanzas

    def test_a_machine_without_such_entries_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no source for Debian trixie"):
            sources.debian_entries(tmp_path, "trixie")
        with pytest.raises(InputError, match="no Debian release"):
            sources.codename('ID=ubuntu\nVERSION_CODENAME="jammy"\n')
        assert sources.codename('ID=debian\nVERSION_CODENAME="bookworm"\n') == "bookworm"

    def test_proxies_go_along(self) -> None:
        dump = 'Acquire "";\nAcquire::http "";\nAcquire::http::Proxy "http://p.example:3128";\nAPT::Architecture "amd64";\n'
        assert sources.transport_settings(dump) == 'Acquire::http::Proxy "http://p.example:3128";\n'


class TestKernel:
    def test_the_elf_comes_out_of_a_bzimage(self) -> None:
        elf = b"\x7fELF" + bytes(5000)
        payload = lzma.compress(elf, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32) + struct.pack("<I", len(elf))
        head = bytearray(1024)
        head[0x1F1] = 1
        head[0x202:0x206] = b"HdrS"
        struct.pack_into("<II", head, 0x248, 100, len(payload))
        assert kernel.vmlinux(bytes(head) + bytes(100) + payload) == elf
        with pytest.raises(InputError, match="no bzImage"):
            kernel.vmlinux(b"MZ" * 1000)

    def test_modules_come_with_what_they_need_in_the_order_of_loading(self, tmp_path: Path) -> None:
        (tmp_path / "modules.dep").write_text(
            "kernel/a-b.ko: kernel/c.ko kernel/d.ko\nkernel/c.ko: kernel/d.ko\nkernel/d.ko:\nkernel/e.ko:\n"
        )
        tree = kernel.ModuleTree(tmp_path)
        assert tree.closure(("a_b", "builtin", "d")) == ["kernel/d.ko", "kernel/c.ko", "kernel/a-b.ko"]
        assert kernel.read_module_lists("[first]\na b # c\n[second]\nd\n") == {"first": ("a", "b"), "second": ("d",)}


def test_the_initrd_can_be_unpacked(tmp_path: Path) -> None:
    module = tmp_path / "one.ko"
    module.write_bytes(b"module")
    archive = initrd(b"#!init", b"busybox!", {"first": [module], "fallback": [module]})
    listed = (
        subprocess.run(["busybox", "cpio", "-t"], input=archive, capture_output=True, check=True, timeout=20)
        .stdout.decode()
        .split()
    )
    assert {"init", "bin/busybox", "bin/mount", "modules/first", "modules/one.ko"} <= set(listed)
    assert listed.count("modules/one.ko") == 1
    folder = tmp_path / "out"
    folder.mkdir()
    subprocess.run(["busybox", "cpio", "-i"], input=archive, cwd=folder, capture_output=True, check=True, timeout=20)
    assert (folder / "init").read_bytes() == b"#!init"
    assert (folder / "modules/first").read_text() == "one.ko\n"
    assert (folder / "bin/mount").readlink() == Path("busybox")
    assert len(cpio([])) % 4 == 0


def test_the_digest_follows_content_name_and_mode(tmp_path: Path) -> None:
    file = tmp_path / "boot"
    file.write_text("a")
    digests = {reference.digest_files([("boot", file)], "bookworm"), reference.digest_files([("boot", file)], "trixie")}
    digests.add(reference.digest_files([("other", file)], "bookworm"))
    file.chmod(0o755)
    digests.add(reference.digest_files([("boot", file)], "bookworm"))
    file.write_text("b")
    digests.add(reference.digest_files([("boot", file)], "bookworm"))
    assert len(digests) == 5
    file.write_text("a")
    file.chmod(0o644)
    assert reference.digest_files([("boot", file)], "bookworm") in digests


def test_the_builders_inputs_are_the_guest_tree_and_itself() -> None:
    names = {name for name, _ in reference.input_files(reference.guest_tree())}
    assert {"guest/image/packages", "guest/system/agent.py", "builder/reference.py", "builder/tree.py"} <= names
    assert not any(name.endswith(".pyc") for name in names)


def test_missing_tools_are_all_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "SEARCHED", "/nowhere")
    with pytest.raises(InputError) as caught:
        reference.check_tools()
    assert caught.value.hint.startswith("apt-get install ")
    assert {"mmdebstrap", "mtools", "dosfstools", "zstd"} <= set(caught.value.hint.split())


def test_an_unchanged_image_is_not_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["reference", "--images", str(tmp_path)])
    monkeypatch.setattr(reference, "SEARCHED", "/nowhere")  # a build would fail at once
    assert reference.main() == 1
    assert "Hint: apt-get install" in capsys.readouterr().err
    store.publish(tmp_path, "reference", reference.find_inputs().digest, built(tmp_path))
    assert reference.main() == 0
    assert "nothing to do" in capsys.readouterr().err
