"""Single values as people read them: short where they are long, and never so short that two look alike."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ftctl.core.digest import plain
from ftctl.core.model import Unknown, Unreadable
from ftctl.render.look import Look, clean

_GUID = re.compile(r"\b(?!0{8})([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_NUMBERED = re.compile(r"\b0{8}(?:-[0-9a-f]{4}){3}-([0-9a-f]{12})\b", re.IGNORECASE)  # made by hand: the end tells
_HASH = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b", re.IGNORECASE)
_ARM = re.compile(r"/subscriptions/[^/\s]+(?:/[^/\s]+)*?(/[^/\s]+/[^/\s]+)(?=\s|$)", re.IGNORECASE)
_BARE = re.compile(r"[^\s\"'{}\[\],#][^\"'{}\[\]\n]*(?<!\s)")
_NOT_TEXT = re.compile(r"true|false|null|[-+]?(\d[\d_]*\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
_LONG = 120


def shown(value: Any, look: Look) -> str:
    """One value on one line, with ids and hashes shortened."""
    return _cut(shortened(exact(value), look), look)


def pair(before: Any, after: Any, look: Look) -> tuple[str, str]:
    """Two values that differ, shortened only as far as they still look different."""
    texts = exact(before), exact(after)
    for short in (_both(texts, look, cut=True), _both(texts, look, cut=False)):
        if short[0] != short[1]:
            return short
    return texts


def exact(value: Any) -> str:
    """One value on one line, whole. Text is bare where that cannot be taken for something else."""
    match value:
        case None:
            return "(none)"
        case bool():
            return "true" if value else "false"
        case Unknown() | Unreadable():
            return str(value.value) if isinstance(value, Unreadable) else str(value)
        case str() if _BARE.fullmatch(value) and not _NOT_TEXT.fullmatch(value):
            return clean(value)
        case Mapping():
            return "{" + ", ".join(f"{key}: {exact(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(exact(inner) for inner in value) + "]"
        case _:
            return clean(json.dumps(plain(value), ensure_ascii=False, default=str))


def shortened(text: str, look: Look) -> str:
    """`text` with ARM ids, GUIDs and hashes cut to what tells them apart at a glance."""
    dots = look.pick("…", "...")
    text = _ARM.sub(rf"{dots}\1", text)
    text = _NUMBERED.sub(rf"{dots}\1", _GUID.sub(rf"\1{dots}", text))
    return _HASH.sub(rf"\1{dots}", text)


def _both(texts: tuple[str, str], look: Look, *, cut: bool) -> tuple[str, str]:
    first, second = (shortened(text, look) for text in texts)
    return (_cut(first, look), _cut(second, look)) if cut else (first, second)


def _cut(text: str, look: Look) -> str:
    dots = look.pick("…", "...")
    return text if len(text) <= _LONG else f"{text[: _LONG - 20]}{dots}{text[-19:]}"
