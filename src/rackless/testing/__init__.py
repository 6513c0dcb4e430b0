"""Labs in tests: a pytest plugin with the fixtures `lab`, `labs` and `lab_client`. docs/howto/test-in-ci.md shows its use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rackless.testing.lab import Capture, Host, Lab, Router

__all__ = ["Capture", "Host", "Lab", "Router"]


def __getattr__(name: str) -> Any:
    """For annotations; pytest loads the plugin in every run, and most have no lab."""
    if name in __all__:
        from rackless.testing import lab

        return getattr(lab, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
