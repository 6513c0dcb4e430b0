"""What would stop a plan on this machine: everything at once, nothing changed."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from rackless.model.errors import Problem, RacklessError
from rackless.model.plan import Forward, MachineSpec, Plan
from rackless.providers.local.layout import SOCKET_PATH_MOST, Layout
from rackless.qemu.accelerator import PROGRAM
from rackless.qemu.command import TCG, BootImage, translation_cache
from rackless.qemu.monitor import listening

OVERHEAD_MIB = 86
"""What a QEMU process needs beside its guest's memory and its translation cache: 70 MiB kernel and initrd, and itself."""
DISK_MIB = 100
"""What an overlay grows to in an ordinary lab."""
KVM, MODULES, CPUINFO = Path("/dev/kvm"), Path("/sys/module"), Path("/proc/cpuinfo")
SYSTEM_MIB = 1024
"""What is left to the system and to Rackless itself."""


def problems(
    plan: Plan, layout: Layout, find: Callable[[str], BootImage], running: frozenset[str], disks: frozenset[str]
) -> tuple[Problem, ...]:
    """`running`: machines of this sandbox that run already. `disks`: its disks that are there already."""
    found = [*_programs(), *_images(plan, find), *_memory(plan, running), *_disk(plan, layout, disks), *_paths(plan, layout)]
    return (*found, *_ports(plan, layout, running))


def available_memory() -> int:
    """MiB that new processes can have (proc(5), MemAvailable)."""
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable:")) // 1024


def all_memory() -> int:
    """MiB that this machine has (proc(5), MemTotal), but for what its system keeps."""
    with open("/proc/meminfo") as file:
        total = next(int(line.split()[1]) for line in file if line.startswith("MemTotal:")) // 1024
    return max(total - SYSTEM_MIB, total // 2)


def memory_of(machine: MachineSpec) -> int:
    """MiB of this machine that one VM takes."""
    return memory_with(machine.memory)


def memory_with(memory: int) -> int:
    """MiB that a guest of so many MiB takes: its own, its translation cache, its QEMU."""
    return memory + translation_cache(memory) + OVERHEAD_MIB


def virtualization_missing(plan: Plan, accelerator: str, *, kvm: Path = KVM, modules: Path = MODULES) -> Iterator[Problem]:
    """Machines that run machines themselves, where this machine does not let them. `accelerator`: what guests run with here, ""
    when it is not known yet."""
    nested = [machine for machine in plan.machines if machine.nested]
    if not nested:
        return
    names = ", ".join(f"{machine.owner} ({machine.family})" for machine in nested)
    allowed = [path.read_text().strip() in {"Y", "1"} for path in modules.glob("kvm_*/parameters/nested")]
    if not kvm.exists():
        why, hint = f"{kvm} is not there", "Deploy it on a machine with KVM, or at a cloud that has it."
    elif accelerator == "tcg":
        why, hint = f"{kvm} does not work here", "`rackless doctor` says why; deploy it on another machine."
    elif not any(allowed):
        why, hint = "KVM's modules don't allow it", "Load them so: modprobe kvm_intel nested=1 (or kvm_amd)."
    else:
        return
    yield Problem(message=f"{names} needs nested virtualization, and {why}.", hint=hint)


def flags_missing(plan: Plan, accelerator: str, *, cpuinfo: Path = CPUINFO) -> Iterator[Problem]:
    """Machines whose processor would lack something they need."""
    if accelerator == "tcg":
        flags = {part[1:].replace(".", "_") for part in TCG.cpu.split(",")[1:]}
    else:
        found = re.search(r"^flags\s*:(.*)$", cpuinfo.read_text(), re.M)
        flags = set(found[1].split()) if found else set()
    for machine in plan.machines:
        missing = [flag for flag in machine.cpu_flags if flag not in flags]
        if missing:
            yield Problem(
                message=f"{machine.name} ({machine.family}) needs a processor with {', '.join(missing)}, which this one lacks.",
                hint="Deploy it on another machine.",
            )


def _programs() -> Iterator[Problem]:
    for program, package in ((PROGRAM, "qemu-system-x86"), ("qemu-img", "qemu-utils")):
        if shutil.which(program) is None:
            yield Problem(message=f"The program {program} is not installed.", hint=f"Install the package {package}.")


def _images(plan: Plan, find: Callable[[str], BootImage]) -> Iterator[Problem]:
    wanted = {machine.image for machine in plan.machines}
    wanted |= {disk.image for machine in plan.machines for disk in machine.disks}
    for name in sorted(wanted):
        try:
            find(name)
        except RacklessError as error:
            yield Problem(message=error.message, hint=error.hint)


def _memory(plan: Plan, running: frozenset[str]) -> Iterator[Problem]:
    new = [machine for machine in plan.machines if machine.name not in running]
    need = sum(map(memory_of, new))
    free = available_memory()
    if need > free:
        yield Problem(
            message=f"{plan.sandbox} needs {need} MiB of memory for {len(new)} machines; {free} MiB are available.",
            hint="End another lab, or give the machines less memory in the blueprint.",
        )


def _disk(plan: Plan, layout: Layout, disks: frozenset[str]) -> Iterator[Problem]:
    new = [disk for machine in plan.machines for disk in machine.disks if disk.name not in disks]
    free = shutil.disk_usage(layout.state).free >> 20
    if len(new) * DISK_MIB > free:
        yield Problem(
            message=f"{plan.sandbox} needs {len(new) * DISK_MIB} MiB for {len(new)} disks; {layout.state} has {free} MiB free.",
            hint="Free some space, or set RACKLESS_STATE to a larger file system.",
        )


def _paths(plan: Plan, layout: Layout) -> Iterator[Problem]:
    most = layout.longest_socket(plan.sandbox)
    if most > SOCKET_PATH_MOST:
        yield Problem(
            message=f"Sockets in {layout.run} would have paths of {most} bytes; {SOCKET_PATH_MOST} is the kernel's limit.",
            hint="Set RACKLESS_RUN to a shorter directory.",
        )


def _ports(plan: Plan, layout: Layout, running: frozenset[str]) -> Iterator[Problem]:
    for machine in plan.machines:
        if machine.name in running:
            continue
        for forward in machine.forwards:
            if _in_use(forward):
                yield Problem(
                    message=f"Port {forward.host_port}/{forward.proto} for {forward.service} of {machine.name} is in use.",
                    hint="End the program that has it, or change forward_ports in site.yaml.",
                )
        if machine.console_port is not None and (pid := listening(layout.console(machine))) is not None:
            yield Problem(
                message=f"Console port {machine.console_port} of {machine.name} is in use by process {pid}.",
                hint="Stop that machine, or change console_ports in site.yaml.",
            )


def _in_use(forward: Forward) -> bool:
    kind = socket.SOCK_STREAM if forward.proto == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as end:
        if kind == socket.SOCK_STREAM:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            end.bind(("127.0.0.1", forward.host_port))
        except OSError:
            return True
    return False
