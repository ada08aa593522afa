"""A terminal for tests: a pty whose other end is a small emulation, which keeps every state that its screen was in."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import termios
import threading
from contextlib import suppress

_SEQUENCE = re.compile(r"\x1b\[(\??)([\d;]*)([A-Za-z])")


class Screen:
    """Rows of text and a cursor. Lines that are too long wrap, as they do on a terminal; nothing is reflowed."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: list[str] = [""]
        self.row = self.column = 0
        self.cursor_hidden = False
        self.colours = 0
        self.wrapped = 0
        self.states: list[list[str]] = []

    def feed(self, text: str) -> None:
        while text:
            found = _SEQUENCE.match(text)
            if found:
                self._obey(*found.groups())
                text = text[found.end() :]
                continue
            self._put(text[0])
            text = text[1:]
        self.states.append(self.shown())

    def shown(self) -> list[str]:
        rows = [row.rstrip() for row in self.rows]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def _obey(self, private: str, numbers: str, letter: str) -> None:
        number = int(numbers.split(";")[0] or 1) if numbers else 1
        match letter:
            case "A":
                assert self.row >= number, "the cursor left the screen"
                self.row -= number
            case "K":
                kept = "" if numbers == "2" else self.rows[self.row][: self.column]
                self.rows[self.row] = kept
            case "J":
                self.rows[self.row :] = [self.rows[self.row][: self.column]]
            case "h" | "l":
                assert (private, numbers) == ("?", "25"), numbers
                self.cursor_hidden = letter == "l"
            case "m":
                self.colours += numbers not in {"", "0", "1", "2"}
            case _:
                raise AssertionError(f"unknown sequence: {private}{numbers}{letter}")

    def _put(self, char: str) -> None:
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self.row += 1
            self.rows += [""] * (self.row + 1 - len(self.rows))
        else:
            if self.column >= self.columns:
                self.wrapped += 1
                self.column = 0
                self._put("\n")
            row = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = row[: self.column] + char + row[self.column + 1 :]
            self.column += 1


class Terminal:
    """`stream` is a terminal to write to; what is written shows up on `screen`."""

    def __init__(self, columns: int) -> None:
        self._ours, theirs = os.openpty()
        self.stream = os.fdopen(theirs, "w", encoding="utf-8")
        self.screen = Screen(columns)
        self.resize(columns)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.screen.columns = columns

    def _read(self) -> None:
        held = b""
        with suppress(OSError):  # the other end was closed
            while piece := os.read(self._ours, 65536):
                held += piece
                text, held = _whole(held)
                self.screen.feed(text)

    def close(self) -> Screen:
        self.stream.close()
        self._reader.join()
        os.close(self._ours)
        return self.screen


def _whole(data: bytes) -> tuple[str, bytes]:
    """What can be read of `data`, and the beginning of what is not all there yet."""
    cut = data.rfind(b"\x1b")
    end = cut if cut >= 0 and not _SEQUENCE.match(data[cut:].decode("utf-8", "ignore")) else len(data)
    for back in range(4):
        with suppress(UnicodeDecodeError):
            return data[: end - back].decode(), data[end - back :]
    raise AssertionError("not UTF-8")
