"""What all unit tests share: examples may take as long as a busy machine needs."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A slow example is a busy machine's, not a finding: tests that hold time budgets measure them themselves.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
