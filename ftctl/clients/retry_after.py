"""How long a service asks to wait: Retry-After in its spellings, and the same said in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

_WORDS = re.compile(
    r"(?:try|retry) again (?:after|in) '?(\d+(?:\.\d+)?)'? ?(second|minute|ms|millisecond)?", re.IGNORECASE
)
_RETRY = re.compile(r"retry after (\d+(?:\.\d+)?) ?(second|minute|ms|millisecond)?", re.IGNORECASE)
_UNITS = {"second": 1.0, "minute": 60.0, "ms": 0.001, "millisecond": 0.001}


def seconds_to_wait(headers: Mapping[str, str], message: str = "") -> float | None:
    """Seconds from `retry-after-ms`, `retry-after` (number or date) or the message; headers' names in lower case."""
    for name, unit in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = _number(headers.get(name, ""), unit)
        if seconds is not None:
            return seconds
    return _until(headers) or _in_words(message)


def _number(text: str, unit: float) -> float | None:
    return float(text) * unit if re.fullmatch(r"\s*\d+(\.\d+)?\s*", text) else None


def _until(headers: Mapping[str, str]) -> float | None:
    """The distance from the answer's own Date, so that clocks need not agree."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  costs 20 ms, and dates are rare here

    try:
        then = _utc(parsedate_to_datetime(headers["retry-after"]))
        now = _utc(parsedate_to_datetime(headers["date"]))
    except (KeyError, ValueError):
        return None
    return max(0.0, (then - now).total_seconds())


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _in_words(message: str) -> float | None:
    found = _WORDS.search(message) or _RETRY.search(message)
    return float(found[1]) * _UNITS[(found[2] or "second").lower()] if found else None
