"""What the local provider keeps on disk about machines and segments: their specs with the mark, and what is plugged in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from rackless.model.errors import AbsentError, ProviderError
from rackless.model.impairment import Impairment
from rackless.model.plan import MachineSpec, SegmentSpec
from rackless.providers.local.layout import Layout, write_whole


@dataclass(frozen=True, kw_only=True)
class Boot:
    """The image's kernel when the machine was made. A later build of the image has other modules than this machine's disk."""

    kernel: Path | None = None
    initrd: Path | None = None
    append: str = ""


@dataclass(frozen=True, kw_only=True)
class MachineFile:
    mark: str
    spec: MachineSpec
    boot: Boot = Boot()


@dataclass(frozen=True, kw_only=True)
class SegmentFile:
    mark: str
    spec: SegmentSpec
    impairment: Impairment | None = None


@dataclass(kw_only=True)
class Network:
    """`attached`: NIC index -> segment. `carrier`: what `carrier` asked for, where it differs from being attached.
    `management`: how the machine was started, "address" or "forwarded"."""

    attached: dict[int, str] = field(default_factory=dict)
    carrier: dict[int, bool] = field(default_factory=dict)
    management: str = "forwarded"

    def up(self, nic: int) -> bool:
        return self.carrier.get(nic, nic in self.attached)


@dataclass(frozen=True, kw_only=True)
class Start:
    """How a machine was started last. `begun`: its disk is its own from then on; what was never begun may still be put on a
    template's. `cold`: why it was booted, or is to be; "" for one that came from a template."""

    begun: bool = True
    cold: str = ""
    template: str = ""


_MACHINE = TypeAdapter(MachineFile)
_SEGMENT = TypeAdapter(SegmentFile)
_NETWORK = TypeAdapter(Network)
_START = TypeAdapter(Start)


class Records:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def machine(self, sandbox: str, name: str) -> MachineSpec | None:
        """The spec of a machine that is ours; raises as `machine_file` does."""
        kept = self.machine_file(sandbox, name)
        return kept.spec if kept is not None else None

    def machine_file(self, sandbox: str, name: str) -> MachineFile | None:
        """What is kept of a machine that is ours.

        Raises:
            ProviderError: there is something of that name, and it does not carry our mark.
        """
        folder = self._layout.machine(sandbox, name)
        if not folder.exists():
            return None
        try:
            kept = _MACHINE.validate_json((folder / "spec.json").read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            kept = None
        if kept is None or kept.mark != self._layout.site:
            raise ProviderError(f"{folder} does not carry this site's mark.", hint="Look whose it is, and move it away.")
        return kept

    def need_machine(self, sandbox: str, name: str) -> MachineSpec:
        spec = self.machine(sandbox, name)
        if spec is None:
            raise AbsentError(f"There is no machine {name} in {sandbox}.", hint="Make it first.")
        return spec

    def add_machine(self, spec: MachineSpec, boot: Boot, network: Network) -> None:
        """The directory appears with everything in it, or not at all."""
        folder = self._layout.machine(spec.sandbox, spec.name)
        fresh = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True, mode=0o700)
        write_whole(fresh / "spec.json", _MACHINE.dump_json(MachineFile(mark=self._layout.site, spec=spec, boot=boot)))
        write_whole(fresh / "network.json", _NETWORK.dump_json(network))
        write_whole(fresh / "start.json", _START.dump_json(Start(begun=False)))
        fresh.rename(folder)

    def start(self, sandbox: str, machine: str) -> Start:
        """One of which nothing is kept was made by an older release, and has begun."""
        try:
            return _START.validate_json((self._layout.machine(sandbox, machine) / "start.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return Start()

    def write_start(self, sandbox: str, machine: str, start: Start) -> None:
        write_whole(self._layout.machine(sandbox, machine) / "start.json", _START.dump_json(start))

    def drop_machine(self, sandbox: str, name: str) -> None:
        folder = self._layout.machine(sandbox, name)
        gone = folder.with_name(f".{folder.name}.gone")
        if folder.exists():
            shutil.rmtree(gone, ignore_errors=True)
            folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def network(self, sandbox: str, machine: str) -> Network:
        path = self._layout.machine(sandbox, machine) / "network.json"
        return _NETWORK.validate_json(path.read_bytes()) if path.exists() else Network()

    def write_network(self, sandbox: str, machine: str, network: Network) -> None:
        write_whole(self._layout.machine(sandbox, machine) / "network.json", _NETWORK.dump_json(network))

    def segment(self, sandbox: str, name: str) -> SegmentSpec | None:
        kept = self._segment_file(sandbox, name)
        return kept.spec if kept is not None else None

    def impairment(self, sandbox: str, segment: str) -> Impairment | None:
        kept = self._segment_file(sandbox, segment)
        return kept.impairment if kept is not None else None

    def impair(self, spec: SegmentSpec, how: Impairment | None) -> None:
        write_whole(
            self._layout.segment(spec.sandbox, spec.name),
            _SEGMENT.dump_json(SegmentFile(mark=self._layout.site, spec=spec, impairment=how)),
        )

    def _segment_file(self, sandbox: str, name: str) -> SegmentFile | None:
        path = self._layout.segment(sandbox, name)
        try:
            kept = _SEGMENT.validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ProviderError(f"{path} is not a segment of ours.", hint="Look whose it is, and move it away.") from error
        if kept.mark != self._layout.site:
            raise ProviderError(f"{path} does not carry this site's mark.", hint="Look whose it is, and move it away.")
        return kept

    def add_segment(self, spec: SegmentSpec) -> None:
        """One that is there stays impaired."""
        if self.segment(spec.sandbox, spec.name) != spec:
            self.impair(spec, self.impairment(spec.sandbox, spec.name))

    def sandboxes(self) -> list[str]:
        """Every sandbox of which anything is on disk or in the socket directory."""
        roots = (self._layout.labs, self._layout.run / "s" / self._layout.site)
        return sorted({path.name for root in roots if root.is_dir() for path in root.iterdir() if path.is_dir()})

    def machines(self, sandbox: str) -> Iterator[MachineSpec]:
        """Those that carry our mark."""
        for folder in _entries(self._layout.lab(sandbox) / "machines"):
            try:
                kept = json.loads((folder / "spec.json").read_text())
            except (FileNotFoundError, NotADirectoryError, ValueError):
                continue  # Somebody else's: nothing of ours appears without its spec.
            if isinstance(kept, dict) and kept.get("mark") == self._layout.site:
                yield _MACHINE.validate_python(kept).spec

    def disks(self, sandbox: str) -> list[str]:
        return [path.name.removesuffix(".qcow2") for path in _entries(self._layout.lab(sandbox) / "disks")]

    def segments(self, sandbox: str) -> list[str]:
        return [path.name.removesuffix(".json") for path in _entries(self._layout.lab(sandbox) / "segments")]

    def leftovers(self, sandbox: str) -> list[Path]:
        """What an interrupted step left half made or half removed, and the directories of a sandbox of which all else is gone."""
        folders = [self._layout.lab(sandbox) / part for part in ("machines", "disks", "segments")]
        inside = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]
        if not inside:
            return [path for path in (self._layout.lab(sandbox), self._layout.sockets(sandbox)) if path.is_dir()]
        return [path for path in inside if path.name.startswith(".")]


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []
