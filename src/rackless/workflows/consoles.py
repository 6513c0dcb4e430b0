"""The serial lines of the machines that run: one hub each, for the machine's life, with its transcript."""

from __future__ import annotations

from pathlib import Path

from rackless.console.hub import ConsoleHub
from rackless.model.errors import StateError
from rackless.providers.contract import Provider, Ref


class Consoles:
    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._hubs: dict[tuple[str, str], ConsoleHub] = {}

    async def open(self, ref: Ref, transcript: Path, secrets: tuple[str, ...] = ()) -> ConsoleHub:
        """The hub of this machine, opened if it is not. `secrets` never show in it, nor in the transcript."""
        key = (ref.sandbox, ref.name)
        hub = self._hubs.get(key)
        if hub is None:
            transcript.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            hub = self._hubs[key] = ConsoleHub(ref.name, lambda: self._provider.console(ref), transcript=transcript)
        hub.secret(*secrets)
        await hub.start()
        return hub

    def open_ones(self) -> list[tuple[str, str]]:
        """Labs and machines whose lines are open here, or looked for."""
        return list(self._hubs)

    def get(self, sandbox: str, machine: str) -> ConsoleHub:
        """Raises StateError when the machine has no open console."""
        hub = self._hubs.get((sandbox, machine))
        if hub is None:
            raise StateError(
                f"The console of {machine} is not open, because the machine does not run.",
                hint=f"Start it with `rackless restart {sandbox} {machine}`.",
            )
        return hub

    def count(self) -> dict[str, int]:
        """Lines that are open, and those who watch or write."""
        hubs = self._hubs.values()
        watchers = sum(hub.watchers for hub in hubs)
        return {"lines": len(hubs), "watchers": watchers, "writers": sum(hub.holder is not None for hub in hubs)}

    async def close(self, sandbox: str | None = None, machine: str | None = None) -> None:
        """Close the hub of a machine, those of a lab, or all."""
        for key in [key for key in self._hubs if sandbox in (None, key[0]) and machine in (None, key[1])]:
            await self._hubs.pop(key).close()
