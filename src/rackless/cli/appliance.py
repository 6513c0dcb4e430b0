"""rackless appliance build, bundle, disks, ova, qcow2, usb, netboot; grow."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from rackless.cli.awaiting import awaited
from rackless.cli.options import InJson
from rackless.cli.output import as_json, megabytes, say, tell
from rackless.model.errors import InputError

appliance = typer.Typer(
    help="The VM host's appliance: built, bundled, put onto disks. Example: rackless appliance build --version 1.4",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Build = Annotated[
    Path, typer.Argument(metavar="BUILD", help="A folder that `rackless appliance build` has made.", show_default=False)
]
Target = Annotated[Path, typer.Argument(metavar="FILE", help="What is written.", show_default=False)]
Guest = Annotated[
    Path | None,
    typer.Option("--guest", metavar="FOLDER", help="The set's guest image: a build in the image store.", show_default=False),
]


@appliance.command("build")
def build(
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where builds and the signing authority are kept.")] = Path(
        "build/appliance"
    ),
    version: Annotated[str, typer.Option("--version", metavar="VERSION", help="Of the set; by default that of Rackless.")] = "",
    development: Annotated[bool, typer.Option("--development", help="The host's own console asks for no password.")] = False,
    edition: Annotated[str, typer.Option("--edition", metavar="NAME", help="vmhost, or fabric: server and node.")] = "vmhost",
    package: Annotated[
        Path | None,
        typer.Option("--package", metavar="FILE", help="For the edition fabric: what `make deb` made.", show_default=False),
    ] = None,
    in_json: InJson = False,
) -> None:
    """Build the host's root, kernel and boot loader from Debian's packages. Nothing is done when nothing has changed.

    Example: rackless appliance build --version 1.4
    """
    from rackless.appliance import build as building

    built = awaited(building.build(out.resolve(), version=version, development=development, edition=edition, package=package))
    about = built.about
    if in_json:
        as_json({**about, "folder": str(built.folder)})
    else:
        say(f"Appliance {about['version']} for {about['platform']}: {built.folder}, root of {megabytes(int(about['size']))}.")


@appliance.command("bundle")
def make_bundle(
    folder: Build,
    target: Target,
    guest: Guest = None,
    authority: Annotated[
        Path | None, typer.Option("--authority", metavar="FOLDER", help="ca.pem and ca.key that sign; by default the build's.")
    ] = None,
    in_json: InJson = False,
) -> None:
    """Make a signed bundle of one set, host root and guest image, for `request vmhost software add`.

    Example: rackless appliance bundle build/appliance/1.4-0a1b set-1.4.raucb --guest ~/images/reference/current
    """
    from rackless.appliance import bundle

    async def make() -> None:
        signer = await bundle.authority(authority or folder.resolve().parent / "authority")
        with tempfile.TemporaryDirectory(dir=folder.resolve().parent) as work:
            await bundle.make(folder / "rootfs.img", guest, signer, target, Path(work))

    awaited(make())
    if in_json:
        as_json({"file": str(target), "size": target.stat().st_size})
    else:
        say(f"Bundle {target}, {megabytes(target.stat().st_size)}.")


@appliance.command("disks")
def make_disks(
    folder: Build,
    targets: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Primary disk, and backup disk.", show_default=False)],
    guest: Guest = None,
    size: Annotated[int, typer.Option("--size", metavar="GB", help="Of each disk, which is sparse; 4 is the least.")] = 50,
    in_json: InJson = False,
) -> None:
    """Make raw disks of a host, ready to boot in QEMU by BIOS or UEFI.

    Example: rackless appliance disks build/appliance/1.4-0a1b primary.raw backup.raw --size 50
    """
    from rackless.appliance import media
    from rackless.appliance.build import Built

    awaited(media.disks(Built(folder=folder.resolve()), guest, targets[:2], size * 10**9, say=tell))
    if in_json:
        as_json({"files": [str(target) for target in targets[:2]]})
    else:
        say(f"Disks of {size} GB: {', '.join(map(str, targets[:2]))}.")


async def _system_disk(built: Any, guest: Path | None, work: Path) -> Path:
    """As it is distributed. The edition for fabrics has no guest."""
    from rackless.appliance import editions, media, sizes

    if guest is None and built.about["platform"] == editions.find("fabric").platform:
        guest = editions.marker(work / "guest")
    disk = work / "system.raw"
    await media.disks(built, guest, [disk], sizes.SYSTEM, say=tell)
    return disk


@appliance.command("ova")
def make_ova(
    folder: Build,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="NAME.ova, or a folder for the OVF.", show_default=False)],
    guest: Guest = None,
    data: Annotated[int, typer.Option("--data", metavar="GB", help="Of the second, empty disk; 0 for none.")] = 40,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="FILE", help="Sign as this one (PEM).", show_default=False)
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="RSA key of the certificate (PEM).", show_default=False)
    ] = None,
    in_json: InJson = False,
) -> None:
    """Make an OVA, or OVF files, for vSphere and whatever else imports them; its properties set the appliance up.

    Example: rackless appliance ova build/appliance/1.4-0a1b rackless-1.4.ova
    """
    from rackless.appliance import ova, sizes
    from rackless.appliance.build import Built

    if (certificate is None) != (key is None):
        raise InputError("To sign, both the certificate and its key are needed.", hint="Give --certificate and --key.")
    signer = ova.Signer(certificate=certificate, key=key) if certificate and key else None
    built = Built(folder=folder.resolve())

    async def make(work: Path) -> None:
        disk = await _system_disk(built, guest, work)
        await ova.make(disk, target, built.about["version"], work, data=data * sizes.GIB, signer=signer)

    with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".ova-") as work:
        awaited(make(Path(work)))
    paths = [target] if target.is_file() else sorted(target.iterdir())
    if in_json:
        as_json({"files": [str(path) for path in paths], "size": sum(path.stat().st_size for path in paths)})
    else:
        say(f"{', '.join(map(str, paths))}: {megabytes(sum(path.stat().st_size for path in paths))}.")


@appliance.command("qcow2")
def make_qcow2(folder: Build, target: Target, guest: Guest = None, in_json: InJson = False) -> None:
    """Make the appliance's system disk as a compressed qcow2, for QEMU and clouds; `disks` makes raw ones.

    Example: rackless appliance qcow2 build/appliance/1.4-0a1b rackless-1.4.qcow2
    """
    from rackless.appliance import ova
    from rackless.appliance.build import Built

    async def make(work: Path) -> None:
        disk = await _system_disk(Built(folder=folder.resolve()), guest, work)
        await ova.convert(disk, target, "qcow2")

    with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".qcow2-") as work:
        awaited(make(Path(work)))
    if in_json:
        as_json({"file": str(target), "size": target.stat().st_size})
    else:
        say(f"{target}, {megabytes(target.stat().st_size)}.")


@appliance.command("usb")
def make_usb(
    folder: Build,
    target: Target,
    guest: Guest = None,
    off: Annotated[bool, typer.Option("--power-off", help="The machine is switched off when it is installed.")] = False,
    in_json: InJson = False,
) -> None:
    """Make an image for a USB stick that installs a host on the first two disks of whatever machine boots from it.

    Example: rackless appliance usb build/appliance/1.4-0a1b install.img
    """
    from rackless.appliance import media
    from rackless.appliance.build import Built

    with tempfile.TemporaryDirectory(dir=folder.resolve().parent) as work:
        awaited(media.usb(Built(folder=folder.resolve()), guest, target, Path(work), switch_off=off))
    if in_json:
        as_json({"file": str(target), "size": target.stat().st_size})
    else:
        say(f"Installation medium {target}, {megabytes(target.stat().st_size)}.")


@appliance.command("netboot")
def make_netboot(
    folder: Build,
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="What a web server shows.", show_default=False)],
    address: Annotated[str, typer.Option("--address", metavar="URL", help="Of that folder, as the machines see it.")],
    guest: Guest = None,
    in_json: InJson = False,
) -> None:
    """Make a folder for network boot: its boot.ipxe installs a host over HTTP.

    Example: rackless appliance netboot build/appliance/1.4-0a1b /srv/http/vmhost --address http://10.0.0.1/vmhost
    """
    from rackless.appliance import media
    from rackless.appliance.build import Built

    media.netboot(Built(folder=folder.resolve()), guest, target, address)
    if in_json:
        as_json({"folder": str(target)})
    else:
        say(f"Network boot: {target}/boot.ipxe.")


@appliance.command("grow")
def grow(
    disks: Annotated[
        list[str] | None, typer.Argument(metavar="DISK...", help="Empty disks to add, as /dev/sdc.", show_default=False)
    ] = None,
    folder: Annotated[
        Path, typer.Option("--of", metavar="FOLDER", help="Whatever is on the file system that is to grow.")
    ] = Path("/var/lib/rackless"),
    in_json: InJson = False,
) -> None:
    """Grow this machine's data volume while it is in use, after a virtual disk was enlarged or an empty one added.

    On an appliance every empty disk is taken; elsewhere those that are named. Enlarged disks, partitions and file systems (btrfs,
    ext4, XFS, also on LVM) are grown to their end.

    Example: rackless appliance grow
    """
    from rackless.appliance import growing

    on_appliance = growing.is_appliance()
    before, after = awaited(growing.grow(folder, disks or [], say=tell, take_empty=on_appliance))
    if in_json:
        as_json({"before": before, "after": after})
    else:
        say(f"{folder}: {megabytes(before)} before, {megabytes(after)} now.")


def add(app: typer.Typer) -> None:
    """Put this noun's commands into the program."""
    app.add_typer(appliance, name="appliance")
