"""`hooks` of site.yaml -> HookRules: what users' hooks may do on this machine and from it, and the site's own hooks.

hooks:
  executables: /etc/rackless/hooks      # or: any
  hosts: [ci.example.net, "*.lab.example.net", 10.20.0.0/16]
  secrets:
    ci: {file: /etc/rackless/ci.token, hosts: [ci.example.net]}
  always:
    post-provisioning:
      - run: [/usr/local/sbin/register]
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from rackless.blueprints import hooks
from rackless.model.errors import InputError
from rackless.model.hooks import Hook
from rackless.model.site import ANY, HookRules, HookSecret

KEYS = ("executables", "hosts", "secrets", "always")


def read(file: Path, value: object) -> HookRules:
    """Raises InputError at the first thing that is wrong."""
    kept = _mapping(file, "hooks", value, KEYS)
    executables = kept.get("executables", "")
    if executables not in ("", ANY) and not (isinstance(executables, str) and executables.startswith("/")):
        raise InputError(f"{file}: hooks.executables is '{executables}'.", hint="Write the absolute path of a folder, or `any`.")
    return HookRules(
        executables=executables,
        hosts=_hosts(file, "hooks.hosts", kept.get("hosts", [])),
        secrets=_secrets(file, kept.get("secrets", {})),
        always=_always(file, kept["always"]) if "always" in kept else (),
    )


def _mapping(file: Path, what: str, value: object, keys: tuple[str, ...] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{file}: {what} must be a mapping.", hint="docs/reference/phases.md shows one.")
    for key in value:
        if keys is not None and key not in keys:
            raise InputError(f"{file}: {what} has the key '{key}', which is not known.", hint=f"Known keys: {', '.join(keys)}.")
    return value


def _hosts(file: Path, what: str, value: object) -> tuple[str, ...]:
    if value == ANY:
        return (ANY,)
    if not isinstance(value, list) or not all(isinstance(host, str) and host and host.isprintable() for host in value):
        raise InputError(f"{file}: {what} must be a list.", hint="Write names, *.name, addresses and networks, or `any`.")
    return tuple(host.lower() for host in value)


def _secrets(file: Path, value: object) -> tuple[HookSecret, ...]:
    found = []
    for name, entry in _mapping(file, "hooks.secrets", value).items():
        what = f"hooks.secrets.{name}"
        kept = _mapping(file, what, entry, ("file", "hosts"))
        if not isinstance(kept.get("file"), str) or not kept["file"].startswith("/"):
            raise InputError(
                f"{file}: {what} has no file.", hint="Write `file:` with the absolute path of the one that holds it."
            )
        if not kept.get("hosts"):
            raise InputError(f"{file}: {what} has no hosts.", hint="Say which hosts it may be sent to.")
        found.append(HookSecret(name=str(name), file=kept["file"], hosts=_hosts(file, f"{what}.hosts", kept["hosts"])))
    return tuple(found)


def _always(file: Path, value: object) -> tuple[Hook, ...]:
    def tell(path: tuple[str | int, ...], message: str, hint: str, _: bool) -> None:
        raise InputError(f"{file}: {'.'.join(['hooks.always', *map(str, path)])}: {message}", hint=hint)

    return tuple(replace(hook, site=True) for hook in hooks.read(value, tell))
