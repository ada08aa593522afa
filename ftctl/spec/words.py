"""How a spec's values and problems are put into words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ftctl.core.codes import CODES
from ftctl.core.errors import Problem, Where

_LONGEST = 40
_MOST = 30


def problem(
    code: str, where: Where | None, what: str, *, why: str = "", fix: Iterable[str] | str = (), subject: str = ""
) -> Problem:
    """A problem of a spec; `fix` may come in parts, of which empty ones are left out."""
    own = fix if isinstance(fix, str) else " ".join(part for part in fix if part)
    return completed(Problem(code, what, where=where, why=why, fix=own, subject=subject))


def completed(found: Problem) -> Problem:
    """The same problem; what it does not say about the case at hand is said about its code in general."""
    general = CODES[found.code]
    return replace(found, why=found.why or general.why, fix=found.fix or general.fix)


def kind_of(value: Any) -> str:
    """What a value is, for people: `a list`, `text` …"""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a map"


def shown(text: str) -> str:
    """A text in quotes, on one line, without control characters, cut when it is long."""
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut) + '"'


def either(words: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def listed(names: Sequence[str]) -> str:
    """Names after each other; of very many the first ones."""
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more


def dotted(path: Iterable[str | int]) -> str:
    return ".".join(str(part) for part in path)
