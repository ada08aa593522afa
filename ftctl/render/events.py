"""A training job's events as lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ftctl.render.look import Look, Style, clean

_STYLES = {"warn": Style.YELLOW, "warning": Style.YELLOW, "error": Style.BOLD}


def event_lines(event: Mapping[str, Any], look: Look) -> list[str]:
    """Time (UTC), level where it is not the usual one, and message."""
    when = datetime.fromtimestamp(float(event.get("created_at") or 0), UTC)
    level = str(event.get("level") or "info")
    told = "" if level == "info" else f"{level}: "
    lines = look.wrap(f"{told}{clean(str(event.get('message') or ''))}", f"{when:%Y-%m-%d %H:%M:%S}  ")
    return [look.paint(line, _STYLES.get(level, Style.PLAIN)) for line in lines]
