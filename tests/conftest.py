"""What all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Machines that run tests are noisy: nothing here is about time.
settings.register_profile("ftctl", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
settings.load_profile("ftctl")
