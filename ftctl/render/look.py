"""How a stream wants its text: colour or none, symbols or ASCII, how wide; and the laying out of lines."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TextIO

_SYMBOLS = "→⏳·…│✓✗“”–"
_NARROWEST, _WIDEST, _USUAL = 40, 120, 80
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class Style(StrEnum):
    """ANSI attributes by what they mean. RED is for what destroys, and for nothing else."""

    PLAIN = ""
    BOLD = "1"
    DIM = "2"
    RED = "1;31"
    GREEN = "32"
    YELLOW = "33"
    MAGENTA = "35"
    CYAN = "36"


@dataclass(frozen=True, slots=True)
class Look:
    """What text for one stream looks like. The default is for an 80-column terminal without colour.

    `why` asks of each field where its value comes from, `hidden` for the differences that are noise.
    """

    colour: bool = False
    unicode: bool = True
    width: int = _USUAL
    why: bool = False
    hidden: bool = False

    def paint(self, text: str, style: Style) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour and style and text else text

    def pick(self, symbol: str, ascii_: str) -> str:
        """`symbol` where the stream can show it."""
        return symbol if self.unicode else ascii_

    def wrap(self, text: str, first: str, rest: str | None = None) -> list[str]:
        """`text` in lines no wider than the stream: the first after `first`, the others after `rest`.

        Words are never cut: an id or a command stays whole, to be copied.
        """
        rest = " " * width_of(first) if rest is None else rest
        lines, line, empty = [], first, True
        for word in text.split():
            if not empty and width_of(line) + 1 + width_of(word) > self.width:
                lines.append(line)
                line, empty = rest, True
            line += word if empty else f" {word}"
            empty = False
        return [*lines, line.rstrip()]


class Patient:
    """A stream for progress: whoever read it may have hung up, and that must not stop what is being done in Azure."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def look_of(stream: TextIO, environ: Mapping[str, str]) -> Look:
    """By NO_COLOR, FORCE_COLOR, TERM, COLUMNS, what `stream` can encode and whether it is a terminal."""
    return Look(colour=_colour(stream, environ), unicode=_encodes(stream), width=_width(stream, environ))


def live(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether lines on `stream` can be redrawn."""
    return stream.isatty() and environ.get("TERM") != "dumb"


def _colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        return True
    return live(stream, environ)


def _encodes(stream: TextIO) -> bool:
    try:
        _SYMBOLS.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _width(stream: TextIO, environ: Mapping[str, str]) -> int:
    return max(_NARROWEST, min(columns(stream, environ), _WIDEST))


def columns(stream: TextIO, environ: Mapping[str, str]) -> int:
    """How wide `stream` is now: by COLUMNS, else as the terminal says."""
    told = environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    if stream.isatty():
        with suppress(OSError, ValueError):  # a terminal that does not say
            return os.get_terminal_size(stream.fileno()).columns or _USUAL
    return _USUAL


def width_of(text: str) -> int:
    """How many columns a terminal gives `text`."""
    text = _ESCAPES.sub("", text)
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def padded(text: str, columns: int) -> str:
    return text + " " * (columns - width_of(text))


def clean(text: str) -> str:
    """`text` without characters that a terminal would obey: what Azure or a file says must not steer it."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else f"\\x{ord(char):02x}" for char in text)


def duration(seconds: float) -> str:
    """Seconds as people say them, in the two greatest units: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 4 min`, `2 days`."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    parts = [counted(days, "day")] if days else []
    parts += [f"{number} {unit}" for number, unit in ((hour, "h"), (minute, "min"), (second, "s")) if number]
    return " ".join(parts[:2])


def counted(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"
