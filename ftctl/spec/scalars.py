"""Plain scalars by YAML 1.2's core schema: no dates, `NO` and `12:30` are text, `017` is seventeen."""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(
    r"(?P<int>[-+]?[0-9]+)|0o(?P<oct>[0-7]+)|0x(?P<hex>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)",
)
_BASES = {"int": 10, "oct": 8, "hex": 16}
_LONGEST = 22  # digits of a 64-bit number in any of the bases


def core_scalar(text: str) -> Scalar:
    """A plain scalar's value.

    Numbers that no JSON document can carry stay text: `.inf`, `.nan`, and what is beyond 64 bits (a digest that
    happens to be of digits alone).
    """
    if text in _WORDS:
        return _WORDS[text]
    found = _NUMBER.fullmatch(text)
    number = _number(str(found.lastgroup), found[str(found.lastgroup)]) if found else None
    return text if number is None else number


def _number(form: str, digits: str) -> int | float | None:
    if form == "float":
        number = float(digits)
        return number if math.isfinite(number) else None
    whole = int(digits, _BASES[form]) if len(digits) <= _LONGEST else 1 << 64
    return whole if -(1 << 63) <= whole < 1 << 63 else None
