"""What all unit tests share: examples may take as long as a busy machine needs."""

from __future__ import annotations

from hypothesis import settings

# A slow example is a busy machine's, not a finding: tests that hold time budgets measure them themselves.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
