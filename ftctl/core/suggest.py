"""Did you mean: the known word that comes closest to a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """The best match, whatever the letters' case; None when nothing comes near."""
    from difflib import get_close_matches  # noqa: PLC0415  only needed when something is wrong

    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question to put before the fix, or nothing."""
    match = closest(word, known)
    return f'Did you mean "{match}"?' if match and match != word else ""
