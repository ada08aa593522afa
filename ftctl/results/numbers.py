"""Measures as people read them."""

from __future__ import annotations

_WHOLE, _LONG = 1_000, 1e9


def number(value: float) -> str:
    """Three digits that matter: `0.612`, `12.0`, `1,234`, `3.81e-06`."""
    if not value:
        return "0"
    if _WHOLE <= abs(value) < _LONG:
        return f"{value:,.0f}"
    return f"{value:#.3g}".removesuffix(".")
