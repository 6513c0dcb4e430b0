"""The byte stream that `console` and `shell` work on. `providers.contract.Stream` has the same shape."""

from __future__ import annotations

from typing import Protocol


class ByteStream(Protocol):
    """`read` returns b"" at the end; neither call blocks past its own await's cancellation."""

    async def read(self, most: int = 65536) -> bytes: ...

    async def write(self, data: bytes) -> None: ...

    async def close(self) -> None: ...
