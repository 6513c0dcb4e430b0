"""What goes wrong between us and a vCenter, as our errors with the reason and the way out."""

from __future__ import annotations

from http.client import HTTPException
from typing import Any

from pyVmomi import vmodl

from rackless.model.errors import AbsentError, CapacityError, ProviderError, RacklessError

TRANSIENT = (
    "ConcurrentAccess",
    "TaskInProgress",
    "HostCommunication",
    "HostNotReachable",
    "HostNotConnected",
    "OperationDisallowedOnHost",
    "Timedout",
)
"""Types of faults that pass by themselves: somebody else changes the same thing, a host reconnects."""

_HINTS = {
    "NoPermission": "Give the account of the place the privilege named (docs/reference/vsphere-provider.md lists them).",
    "InvalidLogin": "Put the right user and password in the site file's `user` and `password-file`.",
    "InsufficientResourcesFault": "End another lab, or give the resource pool more.",
    "NoDiskSpace": "Free room on the datastore, or name another in the site file.",
    "FileLocked": "Another machine or a backup uses the disk; wait for it.",
    "InvalidState": "Look at the machine's task in vCenter.",
    "NoCompatibleHost": "See that a host of the cluster has the datastore and the networks of the place.",
    "RestrictedVersion": "The host's licence forbids changes over the API; it needs a paid one.",
    "LicenseExpired": "Renew the host's licence.",
}


class RefusedError(ProviderError):
    """vCenter answered with a fault. `kinds`: the names of the fault's type and of its parents."""

    def __init__(self, message: str, *, hint: str = "", kinds: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.kinds = kinds

    @property
    def transient(self) -> bool:
        return any(kind in TRANSIENT for kind in self.kinds)


class BrokenError(ProviderError):
    """The answer never came: whether the call was carried out is not known. Verbs are repeated after it."""


def kinds_of(fault: BaseException | Any) -> tuple[str, ...]:
    return tuple(each.__name__.rpartition(".")[2] for each in type(fault).__mro__)


def translated(fault: Any, doing: str) -> RacklessError:
    """A fault, thrown or found in a task, as our error. `doing`: "clone west-vcp-disk0"."""
    kinds = kinds_of(fault)
    text = _text(fault)
    if "ManagedObjectNotFound" in kinds:
        return AbsentError(f"vCenter could not {doing}: the object is gone.", hint="Try again; it was removed meanwhile.")
    hint = next((_HINTS[kind] for kind in kinds if kind in _HINTS), "The vCenter's task list and log say more.")
    if "InsufficientResourcesFault" in kinds or "NoDiskSpace" in kinds:
        return CapacityError(f"vCenter could not {doing}: {text}", hint=hint)
    return RefusedError(f"vCenter could not {doing}: {text}", hint=hint, kinds=kinds)


def broken(error: BaseException, server: str, doing: str) -> BrokenError:
    """A connection that ended, an HTTP status of a proxy, a certificate that is not to be trusted."""
    text = str(getattr(error, "msg", "") or error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        hint = "Name the file with the vCenter's authority in the site file (`ca-file`); vCenter gives it at /certs/download.zip."
        return BrokenError(f"The certificate of {server} is not trusted: {text}", hint=hint)
    hint = "See that the server runs and that this machine reaches it; the step is repeated by itself once."
    return BrokenError(f"vCenter {server} did not answer while we wanted to {doing}: {text}", hint=hint)


FAULTS = (vmodl.MethodFault,)
BREAKS = (OSError, HTTPException)


def _text(fault: Any) -> str:
    """The fault's own words, with its type and what it names: vCenter's `msg` alone is often no more than the type."""
    said = str(getattr(fault, "msg", "") or "").strip()
    kind = kinds_of(fault)[0]
    facts = [
        f"{name} {value}"
        for name in ("name", "privilegeId", "property", "argument", "requestedState", "existingState", "reason")
        if isinstance(value := getattr(fault, name, None), str) and value and value not in said
    ]
    where = getattr(fault, "object", None)
    if where is not None:
        facts.append(f"at {where._moId}")
    told = (
        f"{said} ({kind}{': ' + ', '.join(facts) if facts else ''})"
        if said
        else kind + (f": {', '.join(facts)}" if facts else "")
    )
    return told if told.endswith(".") else f"{told}."
