"""Excerpts of data for those who ask for them: short, harmless to a terminal, and without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ftctl.render.look import clean

if TYPE_CHECKING:
    from ftctl.cli.data_targets import Data
    from ftctl.data.report import Finding

_LONGEST = 1 << 20  # bytes of a line that an excerpt is looked for in
_FIRST_WITHIN = 100  # lines
_LONG_WORD = re.compile(r"[A-Za-z0-9+/_=~.-]{20,}")
_PLACE = re.compile(r"[A-Za-z_]\w*(?:\[\d+\]|\.[A-Za-z_]\w*)*")
_ESCAPE = re.compile(r"\\u(00[2-7][0-9a-fA-F])")
_STEP = re.compile(r"\[(\d+)\]|\.?([A-Za-z_]\w*)")


def samples(data: Data, findings: Iterable[Finding], width: int) -> Callable[[Finding], str]:
    """What gives the excerpt that a finding is about, at most `width` characters; nothing where `width` is 0."""
    wanted = {finding.line for finding in findings if finding.line and width}
    lines = _read(data, wanted) if wanted else {}

    def sample(finding: Finding) -> str:
        return excerpt(lines[finding.line], finding, width) if finding.line in lines else ""

    return sample


def _read(data: Data, wanted: set[int]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    last = max(wanted, default=0)
    try:
        with data.path.open("rb") as file:
            for number in range(1, last + 1):
                line = file.readline(_LONGEST)
                if number in wanted:
                    found[number] = line
                while line and not line.endswith(b"\n"):
                    line = file.readline(_LONGEST)
    except OSError:
        return {}
    return found


def excerpt(line: bytes, finding: Finding, width: int) -> str:
    """The value that a finding names, or the line; of a line that is not JSON the part around the column."""
    text = line.decode("utf-8", errors="replace").removeprefix("\ufeff").rstrip("\r\n")
    try:
        value = _at(json.loads(text), finding.what)
    except (ValueError, RecursionError):
        start = max(0, finding.column - 1 - width // 3)
        return _clipped(_LONG_WORD.sub(_stars, blotted(text)), start, width)
    return _clipped(json.dumps(without_secrets(value), ensure_ascii=False), 0, width)


def _clipped(text: str, start: int, width: int) -> str:
    shown = clean(text[start : start + width].replace("\t", " ").replace("\n", " "))
    before, after = start > 0, len(text) - start > width or len(shown) > width
    shown = f"...{shown[3:]}" if before else shown
    return f"{shown[: width - 3]}..." if after else shown


def _at(example: Any, what: str) -> Any:
    """The value at the place that `what` begins with; the whole example where there is none."""
    place = _PLACE.match(what)
    value = example
    try:
        for index, key in _STEP.findall(place[0]) if place else ():
            value = value[int(index)] if index else value[key]
    except (LookupError, TypeError):
        return example
    return value


def blotted(text: str) -> str:
    """`text` without the secrets and the personal data that are found in it."""
    from ftctl.data.personal import personal_data  # noqa: PLC0415  only for those who ask
    from ftctl.data.secrets import secrets  # noqa: PLC0415  the same

    if "\\" in text:  # JSON that stands inside a text, as in a call's arguments
        text = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text).replace("\\/", "/")
    found = {secret for find in (secrets, personal_data) for _, secret in find(text)}
    for secret in sorted(found, key=len, reverse=True):
        text = text.replace(secret, "*" * len(secret))
    return text


def _stars(match: re.Match[str]) -> str:
    """A long word of a line that cannot be decoded may be a secret."""
    return "*" * len(match[0])


def without_secrets(value: Any) -> Any:
    """A decoded value with every text in it blotted."""
    match value:
        case str():
            return blotted(value)
        case list():
            return [without_secrets(one) for one in value]
        case dict():
            return {blotted(key): without_secrets(one) for key, one in value.items()}
        case _:
            return value


def first_example(data: Data) -> str:
    """The first example that is JSON, laid out; empty where there is none."""
    with data.path.open("rb") as file:
        for number in range(_FIRST_WITHIN):
            line = file.readline(_LONGEST)
            try:
                example = json.loads(line.decode("utf-8-sig" if not number else "utf-8"))
            except (ValueError, RecursionError):
                continue
            text = json.dumps(without_secrets(example), ensure_ascii=False, indent=2)
            return "\n".join(clean(part) for part in text.split("\n"))
    return ""
