"""The flow's local Azure, for the kinds alone."""

from __future__ import annotations

from tests.flow.conftest import clock, lab

__all__ = ["clock", "lab"]
