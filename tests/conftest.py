"""For every suite: property tests assert no time and repeat the same examples; Ctrl-C reaches what a test starts."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

settings.register_profile("rackless", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rackless")

# Started in the background by a script, we ignore SIGINT, and so would every program that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
