"""Reading a data file once, in blocks of lines: what may be read at all, the hash of what is uploaded, what moved."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from ftctl.data.report import Bom, Finding
from ftctl.data.watch import Progress

BLOCK = 4 << 20
LINE_LIMIT = 64_000_000  # bytes

BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LFS = b"version https://git-lfs.github.com/spec/"


class Unfit(Exception):
    """The file as a whole is no data that could be checked: the finding says why."""

    def __init__(self, code: str, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.finding = Finding(code, what, line)


class Source:
    """A file to read once. When it has been read to its end, `sha256` and `size` are those of what is uploaded.

    `bom` says whether the file begins with a byte order mark. Raises Unfit, here and while reading.
    """

    def __init__(self, path: Path, shown: str, *, bom: Bom, limit: int) -> None:
        self.path, self.shown, self.limit = path, shown, limit
        self.bom = False
        self.size = 0
        self.stat = _look(path, shown)
        self._rule = bom
        self._hash = hashlib.sha256()
        if self.stat.st_size > limit:
            raise self._too_large()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def chunks(self, progress: Progress | None = None) -> Iterator[bytes]:
        """The text piece by piece, without its byte order mark."""
        try:
            with open(self.path, "rb", buffering=0, opener=_at_once) as stream:
                yield from self._read(stream, progress)
            self._same(_look(self.path, self.shown))
        except OSError as error:
            raise _refused(error, self.shown) from error

    def lines(self, progress: Progress | None = None) -> Iterator[list[bytes] | None]:
        """Lists of lines without their ends; None for a line that is too long, which is passed over in pieces."""
        return _split(self.chunks(progress))

    def again(self) -> Source:
        """The same file, to be read once more."""
        return Source(self.path, self.shown, bom=self._rule, limit=self.limit)

    def hash(self) -> str:
        """Read it for its hash alone."""
        for _ in self.chunks():
            pass
        return self.sha256

    def _read(self, stream: BinaryIO, progress: Progress | None) -> Iterator[bytes]:
        self._same(os.fstat(stream.fileno()))
        read = 0
        with ThreadPoolExecutor(1, thread_name_prefix="hash") as beside:  # which needs no lock of Python's
            hashed: Future[None] | None = None
            while chunk := stream.read(BLOCK):
                read += len(chunk)
                if read > self.limit:  # it grows while it is read
                    raise self._too_large()
                text = chunk if self.size else self._begin(chunk)
                if hashed:
                    hashed.result()
                hashed = beside.submit(self._hash.update, text)
                self.size += len(text)
                if progress:
                    progress(read, self.stat.st_size)
                yield text
        self._same(os.fstat(stream.fileno()))
        if read != self.stat.st_size:
            raise self._changed()

    def _begin(self, chunk: bytes) -> bytes:
        """See what the beginning gives away about the whole file; the mark is hashed as it will be uploaded."""
        if chunk.startswith(_LFS):
            raise Unfit("FT1304", f"{self.shown} is a git-LFS pointer; its data was not fetched", 1)
        if chunk.startswith(_UTF16):
            raise Unfit("FT1308", f"{self.shown} is UTF-16, not UTF-8", 1)
        self.bom = chunk.startswith(BOM)
        if self._rule == "add" or (self._rule == "keep" and self.bom):
            self._hash.update(BOM)
            self.size += len(BOM)
        return chunk.removeprefix(BOM)

    def _same(self, now: os.stat_result) -> None:
        if identity(now) != identity(self.stat):
            raise self._changed()

    def _changed(self) -> Unfit:
        return Unfit("FT1322", f"{self.shown} changed while it was read")

    def _too_large(self) -> Unfit:
        return Unfit("FT1306", f"{self.shown} has more than {self.limit:,} bytes")


def identity(status: os.stat_result) -> tuple[int, int, int, int]:
    """What stays the same as long as nobody touches a file."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _look(path: Path, shown: str) -> os.stat_result:
    """Look before opening: to open a pipe blocks, and to open a device may do anything."""
    try:
        status = path.stat()
    except OSError as error:
        raise _refused(error, shown) from error
    except ValueError as error:  # a NUL in it, or characters that the file system cannot spell
        raise Unfit("FT1300", f"{shown} cannot be the name of a file") from error
    if stat.S_ISDIR(status.st_mode):
        raise Unfit("FT1301", f"{shown} is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise Unfit("FT1302", f"{shown} is not an ordinary file")
    return status


def _refused(error: OSError, shown: str) -> Unfit:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Unfit("FT1300", f"{shown} does not exist")
    return Unfit("FT1303", f"{shown} cannot be read: {error.strerror or 'input/output error'}")


def _at_once(name: str, flags: int) -> int:
    """Open without waiting, should a pipe have taken the file's place since it was looked at."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _split(chunks: Iterator[bytes]) -> Iterator[list[bytes] | None]:
    """Cut at newlines. What is left of a chunk begins the next list; pieces of one long line are joined once."""
    begun: list[bytes] = []
    length = 0  # of what is begun; it goes on growing where the pieces of a line too long are dropped
    for chunk in chunks:
        head, *lines = chunk.split(b"\n")
        length += len(head)
        begun = [*begun, head] if length <= LINE_LIMIT else []
        if not lines:
            continue
        tail = lines.pop()
        if length > LINE_LIMIT:
            yield None
            yield lines
        else:
            yield [b"".join(begun), *lines]
        begun, length = [tail], len(tail)
    if length > LINE_LIMIT:
        yield None
    elif begun and length:
        yield [b"".join(begun)]
