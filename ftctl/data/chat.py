"""Supervised chat data: one pass over a JSON Lines file says what is in it and everything that is wrong with it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from ftctl.core.codes.data import CODES
from ftctl.core.errors import Problem, Where
from ftctl.data.example import Fault, faults, system_messages, tokens_estimate

FILE_LIMIT = 512_000_000  # bytes; the MaxTrainingFileSize that an account reports
LINE_LIMIT = 64_000_000  # bytes
FEWEST_EXAMPLES = 10
MOST_PROBLEMS = 20

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LFS = b"version https://git-lfs.github.com/spec/"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Checked:
    """What one pass over a file found. The file is uploaded as it is: `sha256` and `size` are those of its bytes.

    `examples` counts the lines that are not blank, sound or not. `systems` counts the distinct system and developer
    messages of the sound ones; `system` is the text of the only one. `tokens_estimate` is a guess from the length of
    the text, four bytes a token, images left out. `sha256` is empty for a file that was not read to its end.
    """

    sha256: str = ""
    size: int = 0
    examples: int = 0
    system: str | None = None
    systems: int = 0
    tokens_estimate: int = 0
    problems: tuple[Problem, ...] = ()


def _problem(fault: Fault, where: Where) -> Problem:
    case = CODES[fault.code]
    return Problem(fault.code, fault.what, where, why=case.why, fix=fault.fix or case.fix)


def check(path: Path, shown: str, *, where: Where | None = None) -> Checked:
    """Read the file once and report on it; `shown` is what people call it, `where` the place that names its path.

    Raises nothing: whatever is wrong is among the problems, at most 20 of them and one that counts the rest.
    """
    fault = _unfit(path, shown)
    if fault is None:
        try:
            with open(path, "rb", buffering=_CHUNK, opener=_at_once) as stream:
                return _read(stream, shown)
        except OSError as error:
            fault = _refused(error, shown)
    return Checked(problems=(_problem(fault, where or Where(shown)),))


def _unfit(path: Path, shown: str) -> Fault | None:
    """Why this must not even be opened: opening a pipe blocks, and opening a device may do anything."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return _refused(error, shown)
    except ValueError:  # a NUL in it, or characters that the file system cannot spell
        return Fault("FT1300", f"{shown} cannot be the name of a file")
    if stat.S_ISDIR(mode):
        return Fault("FT1301", f"{shown} is a directory")
    return None if stat.S_ISREG(mode) else Fault("FT1302", f"{shown} is not an ordinary file")


def _refused(error: OSError, shown: str) -> Fault:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Fault("FT1300", f"{shown} does not exist")
    return Fault("FT1303", f"{shown} cannot be read: {error.strerror or 'input/output error'}")


def _at_once(name: str, flags: int) -> int:
    """Open without waiting, should a pipe have taken the file's place since it was looked at."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _read(stream: BinaryIO, shown: str) -> Checked:
    tally = _Tally(shown)
    if os.fstat(stream.fileno()).st_size > FILE_LIMIT:
        return Checked(problems=(_too_large(shown),))
    for line in _lines(stream, tally):
        tally.line += 1
        if tally.line == 1 and (fault := _foreign(line or b"", shown)):
            return Checked(problems=(_problem(fault, Where(shown, 1)),))
        if tally.size > FILE_LIMIT:  # it grows while it is read
            return Checked(problems=(_too_large(shown),))
        tally.take(line)
    return tally.result()


def _too_large(shown: str) -> Problem:
    return _problem(Fault("FT1306", f"{shown} has more than {FILE_LIMIT:,} bytes"), Where(shown))


def _foreign(line: bytes, shown: str) -> Fault | None:
    """What the first line gives away about the whole file, so that its other lines need no complaint."""
    if line.startswith(_LFS):
        return Fault("FT1304", f"{shown} is a git-LFS pointer; its data was not fetched")
    if line.startswith(_UTF16):
        return Fault("FT1308", f"{shown} is UTF-16, not UTF-8")
    return None


def _lines(stream: BinaryIO, tally: _Tally) -> Iterator[bytes | None]:
    """The lines as they stand, every byte counted; None for one that is too long, which is passed over in pieces."""
    while line := tally.count(stream.readline(LINE_LIMIT + 1)):
        if len(line) <= LINE_LIMIT or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n") and tally.size <= FILE_LIMIT:
            line = tally.count(stream.readline(_CHUNK))
        yield None


@dataclass(slots=True)
class _Tally:
    """What the pass has seen so far."""

    shown: str
    line: int = 0
    size: int = 0
    examples: int = 0
    tokens: int = 0
    faults: int = 0
    problems: list[Problem] = field(default_factory=list)
    systems: set[bytes] = field(default_factory=set)
    system: str | None = None
    sha256: Any = field(default_factory=hashlib.sha256)

    def count(self, piece: bytes) -> bytes:
        self.size += len(piece)
        self.sha256.update(piece)
        return piece

    def take(self, line: bytes | None) -> None:
        """Add one line, None where it was too long to look at."""
        if line is None:
            self.examples += 1
            self.fault(Fault("FT1309", f"the line is longer than {LINE_LIMIT:,} bytes"))
            return
        if self.line == 1:
            line = line.removeprefix(_BOM)
        if not line.strip(b" \t\r\n"):
            return
        self.examples += 1
        try:
            self.example(msgspec.json.decode(line))
        except RecursionError:
            self.fault(Fault("FT1312", "the example is nested too deeply"))
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.fault(*_undecodable(line))

    def example(self, example: Any) -> None:
        before = self.faults
        for fault in faults(example):
            self.fault(fault)
        if self.faults == before:
            self.tokens += tokens_estimate(example)
            for text in system_messages(example):
                self.system = text
                self.systems.add(hashlib.blake2b(text.encode(), digest_size=16).digest())

    def fault(self, fault: Fault, column: int = 0) -> None:
        self.faults += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(_problem(fault, Where(self.shown, self.line, column)))

    def result(self) -> Checked:
        return Checked(
            sha256=self.sha256.hexdigest(),
            size=self.size,
            examples=self.examples,
            system=self.system if len(self.systems) == 1 else None,
            systems=len(self.systems),
            tokens_estimate=self.tokens,
            problems=self.all_problems(),
        )

    def all_problems(self) -> tuple[Problem, ...]:
        """What is wrong with the file as a whole comes first, so that it is never among those left out."""
        whole, file = _too_few(self), Where(self.shown)
        shown = [*([_problem(whole, file)] if whole else []), *self.problems][:MOST_PROBLEMS]
        if left := self.faults + bool(whole) - len(shown):
            noun = "problem" if left == 1 else "problems"
            shown.append(_problem(Fault("FT1399", f"{left:,} more {noun} in {self.shown}"), file))
        return tuple(shown)


def _too_few(tally: _Tally) -> Fault | None:
    if not tally.size:
        return Fault("FT1305", f"{tally.shown} is empty")
    if tally.examples < FEWEST_EXAMPLES:
        noun = "example" if tally.examples == 1 else "examples"
        return Fault("FT1307", f"{tally.shown} has {tally.examples} {noun}, fewer than {FEWEST_EXAMPLES}")
    return None


def _undecodable(line: bytes) -> tuple[Fault, int]:
    """What is wrong with a line that msgspec does not take, and in which column, which it does not tell exactly."""
    import json  # noqa: PLC0415  only needed when something is wrong

    try:
        json.loads(line.rstrip().decode())
    except UnicodeDecodeError as error:
        return Fault("FT1308", "the line is not UTF-8"), len(line[: error.start].decode()) + 1
    except json.JSONDecodeError as error:
        reason = error.msg.lower().removesuffix(": ").removesuffix(" at").removesuffix(" starting")
        return Fault("FT1310", f"the line is not JSON: {reason}"), error.pos + 1
    except (ValueError, RecursionError):
        pass
    return Fault("FT1310", "the line is not JSON: a number or escape in it stands for nothing"), 0
