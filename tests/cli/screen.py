"""A terminal for tests: as wide as a pty says, and a small emulation that keeps every state that its screen was in."""

from __future__ import annotations

import fcntl
import io
import os
import re
import struct
import termios
import threading

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
        number = int(numbers.split(";", maxsplit=1)[0] or 1) if numbers else 1
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
        elif char == "\n":  # which a terminal is sent as \r\n
            self.row += 1
            self.column = 0
            self.rows += [""] * (self.row + 1 - len(self.rows))
        else:
            if self.column >= self.columns:
                self.wrapped += 1
                self.column = 0
                self._put("\n")
            row = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = row[: self.column] + char + row[self.column + 1 :]
            self.column += 1


class Terminal(io.TextIOBase):
    """A stream that is a terminal: its size is a pty's, and what is written shows up on `screen` at once."""

    encoding = "utf-8"

    def __init__(self, columns: int) -> None:
        self._ours, self._theirs = os.openpty()
        self._lock = threading.Lock()
        self.screen = Screen(columns)
        self.resize(columns)

    def resize(self, columns: int) -> None:
        with self._lock:
            fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            self.screen.columns = columns

    def write(self, text: str) -> int:
        with self._lock:
            self.screen.feed(text)
        return len(text)

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._theirs

    def close(self) -> None:
        if not self.closed:
            os.close(self._ours)
            os.close(self._theirs)
        super().close()
