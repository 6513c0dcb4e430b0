"""For every suite: property tests assert no time, and repeat the same examples on every run."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("rackless", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rackless")
