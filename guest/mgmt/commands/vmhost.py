"""`show vmhost` and `request vmhost`: the words. What they do is in `replies/vmhost*.py`, imported when first asked for."""

from __future__ import annotations

from .. import valuetypes as t
from ..replies.request import Request, Told
from .words import CONFIGURE, OPERATE, Argument, Option, Word

ENGINE = Option("re0", "This routing engine, the only one")
EVERY = Option("invoke-on", "Routing engines to ask", t.one_of("routing-engine", all_routing_engines="All routing engines"))
WHERE = (EVERY, ENGINE)
HIDDEN = ("re0", "invoke-on", "routing-engine")
AT = Option("at", "Time at which to do it: now, +MINUTES, HH:MM or YYMMDDHHMM", t.word)
IN = Option("in", "Minutes after which to do it", t.number("minutes", 0, 100000))
SURE = "VMHost Zeroization : Erase all data, including configuration and log files ?"
REALLY = "All software of both disks but what is needed to boot as new is lost with it. Really erase ?"


def _show(rpc: str, answer: str) -> Told:
    return Told(f"get-vmhost-{rpc}-information", answer, hidden=HIDDEN)


BRIDGE = _show("bridge", "vmhost_use.bridges")
CRASH = _show("crash", "vmhost_use.crashes")
HARDWARE = _show("hardware", "vmhost.hardware")
INFORMATION = Told("get-vmhost-information", "vmhost.information_of", "vmhost.information_text", hidden=HIDDEN)
LOGS = _show("log", "vmhost_use.logs")
MANAGEMENT = _show("management-if", "vmhost_use.management")
NETSTAT = _show("netstat", "vmhost_use.netstat")
PROCESSES = _show("process", "vmhost_use.processes")
RESOURCES = _show("resource-usage", "vmhost_use.resources")
SNAPSHOT = _show("snapshot", "vmhost.snapshot")
STATUS = _show("status", "vmhost.status")
UPTIME = _show("uptime", "vmhost.uptime")
VERSION = _show("version", "vmhost.version")

SHOW = (
    Word("bridge", "Show the host's bridges", run=BRIDGE, options=WHERE),
    Word("crash", "Show the host's crash dumps", run=CRASH, options=WHERE, level=OPERATE),
    Word("hardware", "Show the host's hardware", run=HARDWARE, options=WHERE),
    Word("information", "Show what the host is", run=INFORMATION, options=WHERE),
    Word(
        "logs",
        "Show the host's logs",
        run=LOGS,
        arguments=(Argument("filename", t.file_name, "Name of the log"),),
        options=WHERE,
        level=OPERATE,
    ),
    Word("management-if", "Show the host's management interface", run=MANAGEMENT, options=WHERE),
    Word("netstat", "Show the host's connections", run=NETSTAT, options=WHERE, level=OPERATE),
    Word("processes", "Show the host's processes", run=PROCESSES, options=WHERE, level=OPERATE),
    Word("resource-usage", "Show what of the host is used", run=RESOURCES, options=WHERE),
    Word("snapshot", "Show the snapshot on the secondary disk", run=SNAPSHOT, options=WHERE),
    Word("status", "Show the state of host and guests", run=STATUS, options=WHERE),
    Word("uptime", "Show time since the host was started, and why it was", run=UPTIME, options=WHERE),
    Word("version", "Show the host's software sets", run=VERSION, options=WHERE),
)


def _power(rpc: str, answer: str, question: str) -> Request:
    return Request(rpc, answer, questions=(question,), root="request-reboot-results", line="request-reboot-status", hidden=HIDDEN)


ADD = Request(
    "request-vmhost-package-add",
    "vmhost_requests.add",
    also_says=(("package-result", "0"),),
    hidden=(*HIDDEN, "no-copy", "unlink"),
)
ABORT = Request("request-vmhost-package-abort", "vmhost_requests.abort", hidden=HIDDEN)
ROLLBACK = Request("request-vmhost-package-rollback", "vmhost_requests.rollback", hidden=HIDDEN)
TAKE = Request(
    "request-vmhost-snapshot",
    "vmhost_requests.snapshot",
    warning="warning: Existing data on the target may be lost",
    questions=("Proceed ?",),
    hidden=HIDDEN,
)
REBOOT = _power("request-vmhost-reboot", "vmhost_requests.reboot", "Reboot the vmhost ?")
POWER_OFF = _power("request-vmhost-poweroff", "vmhost_requests.power_off", "Power-off the vmhost ?")
HALT = _power("request-vmhost-halt", "vmhost_requests.halt", "Halt the vmhost ?")
POWER_ON = Request("request-vmhost-poweron", "vmhost_requests.power_on", hidden=HIDDEN)
CANCEL = Request("clear-vmhost-reboot", "vmhost_requests.cancel", hidden=HIDDEN)
CLEANUP = Request("request-vmhost-cleanup", "vmhost_requests.cleanup", hidden=HIDDEN)
ZEROIZE = Request("request-vmhost-zeroize", "vmhost_requests.zeroize", questions=(SURE, REALLY), always=True, hidden=HIDDEN)
TEST = Request("request-vmhost-hard-disk-test", "vmhost_requests.test_disk", hidden=HIDDEN)
COPY_CRASH = Request("request-vmhost-file-copy", "vmhost_requests.copy_file", fixed={"kind": "crash"}, hidden=HIDDEN)
COPY_LOG = Request("request-vmhost-file-copy", "vmhost_requests.copy_file", fixed={"kind": "log"}, hidden=HIDDEN)

_COPY = (
    Option("from-jnode", "Name of the file on the host", t.file_name),
    Option("to-vjunos", "Path of the file on this router", t.file_name),
    ENGINE,
)
_FROM = (
    Option("disk1", "Boot from the first disk, once"),
    Option("disk2", "Boot from the second disk, once"),
    Option("network", "Boot from the network, once"),
    Option("usb", "Boot from a USB disk, once"),
)

REQUESTS = (
    Word(
        "cleanup",
        "Remove rotated logs, old crash dumps and temporary files of the host",
        run=CLEANUP,
        level=CONFIGURE,
        options=WHERE,
    ),
    Word(
        "file-copy",
        "Copy a file of the host to this router",
        Word("crash", "A crash dump", run=COPY_CRASH, level=CONFIGURE, options=_COPY),
        Word("log", "A log", run=COPY_LOG, level=CONFIGURE, options=_COPY),
    ),
    Word("halt", "Halt the host and its guests", run=HALT, level=CONFIGURE, options=(AT, IN, *WHERE)),
    Word(
        "hard-disk-test",
        "Test a disk of the host",
        run=TEST,
        level=CONFIGURE,
        arguments=(Argument("disk", t.one_of("disk", disk1="First disk", disk2="Second disk"), "Disk to test", mandatory=True),),
        options=(Option("long", "All of the disk"), Option("short", "The disk's short self-test"), *WHERE),
    ),
    Word("power-off", "Power off the host and its guests", run=POWER_OFF, level=CONFIGURE, options=(AT, IN, *WHERE)),
    Word(
        "power-on",
        "Start guests of the host that are off",
        run=POWER_ON,
        level=CONFIGURE,
        options=(Option("guest", "Name of the guest", t.word), *WHERE),
    ),
    Word("reboot", "Reboot the host and its guests", run=REBOOT, level=CONFIGURE, options=(AT, *_FROM, IN, *WHERE)),
    Word(
        "snapshot",
        "Copy the primary disk's software to the secondary disk",
        run=TAKE,
        level=CONFIGURE,
        options=(
            Option("partition", "Make the secondary disk's partitions anew"),
            Option("recovery", "As the snapshot that is kept for recovery"),
            *WHERE,
        ),
    ),
    Word(
        "software",
        "Perform software extension or upgrade of the host",
        Word("abort", "Stop adding software, or take back what waits for a reboot", run=ABORT, level=CONFIGURE, options=WHERE),
        Word(
            "add",
            "Add software of host and guest to the alternate set",
            run=ADD,
            level=CONFIGURE,
            arguments=(
                Argument(
                    "package-name",
                    t.file_name,
                    "Path of the bundle, or its URL (http, https), which the host fetches",
                    mandatory=True,
                ),
            ),
            options=(
                Option("no-validate", "Don't check that the configuration fits", early=True),
                Option("reboot", "Reboot the host when it is added", early=True),
                *WHERE,
            ),
        ),
        Word("rollback", "Boot the alternate set next", run=ROLLBACK, level=CONFIGURE, options=WHERE),
    ),
    Word("zeroize", "Erase all data of the host and its guests", run=ZEROIZE, level=CONFIGURE, options=WHERE),
)

CLEAR = (Word("reboot", "Cancel the reboot, halt or power-off that is scheduled", run=CANCEL, options=WHERE, level=CONFIGURE),)
