"""A file's way up: streamed from disk, hashed as it is sent, large ones in parts, looked for where it got lost."""

from __future__ import annotations

import hashlib
import io
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ftctl.clients.errors import AzureError
from ftctl.clients.retry import Patience
from ftctl.core.clock import Clock
from ftctl.core.errors import FtctlError, Problem, Where

if TYPE_CHECKING:
    from ftctl.clients.dataplane import DataPlane

Json = dict[str, Any]
BOM = b"\xef\xbb\xbf"
LONGEST = 110 * 60.0  # seconds; an upload in parts is gone two hours after it was begun
_TRIES = 5  # for each part
_SENDS = 3  # of a creation whose answer was lost and that was looked for in vain
_LOOKS = 3  # after each
_CONFLICT = 409
_NOT_OFFERED = frozenset({404, 405})


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was reviewed: `sha256` and `size` are of what is sent, with its byte order mark as `bom` says.

    `shown` is what people call it, `where` its declaration.
    """

    path: Path
    shown: str
    sha256: str
    size: int
    bom: Literal["keep", "add", "strip"] = "keep"
    where: Where | None = None

    def changed(self, why: str) -> FtctlError:
        return FtctlError(
            Problem(
                "FT3206",
                f"{self.shown} has changed since the plan was made",
                self.where,
                why=f"{why} Nothing of it was kept.",
                fix="Plan again and review.",
            )
        )


@dataclass(frozen=True, slots=True)
class Sizes:
    """Up to how many bytes a file goes up in one request, and how many a part of a larger one has."""

    whole: int = 100_000_000
    part: int = 64_000_000


@dataclass(frozen=True, slots=True)
class Way:
    """What an upload needs beside its file.

    `find` looks for what a creation without an answer may have made. `sent` is told how many bytes of how many are on
    their way. Waits are of `poll_seconds` by `clock`.
    """

    data: DataPlane
    clock: Clock
    poll_seconds: float
    find: Callable[[], Json | None]
    sent: Callable[[int, int], None] = lambda _sent, _size: None
    sizes: Sizes = field(default_factory=Sizes)


def upload(source: Source, name: str, way: Way) -> Json:
    """The file that `source` becomes under `name`. Raises FT3206 where it is not what was reviewed, FT2210 after
    two hours less ten minutes; half an upload is given up then, and nothing is left of it.
    """
    with _opened(source, way) as content:
        if source.size > way.sizes.whole:
            try:
                begun = way.data.begin_upload(name, source.size)
            except AzureError as error:
                if error.status not in _NOT_OFFERED:
                    raise
            else:
                return _in_parts(content, begun["id"], way)
        return certain(lambda: way.data.upload_file(content.stream(0, source.size, _Digests()), name), way)


def certain(create: Callable[[], Json], way: Way) -> Json:
    """What `create` makes, once: where its answer was lost it is looked for, and asked for again if it is not there."""
    for turn in range(_SENDS):
        try:
            return create()
        except AzureError as error:
            done_before = turn > 0 and error.status == _CONFLICT
            if not (error.ambiguous or done_before):
                raise
            lost = error
        for _ in range(_LOOKS):
            if found := way.find():
                return found
            way.clock.sleep(way.poll_seconds)
    raise lost


def _in_parts(content: _Content, upload_id: str, way: Way) -> Json:
    """Send the parts one by one, each as often as it needs, then make them a file."""
    size, part = content.source.size, way.sizes.part
    digests, parts = _Digests(), []
    try:
        for start in range(0, size, part):
            stream = content.stream(start, min(part, size - start), digests)
            parts.append(way.data.add_part(upload_id, stream, content.patience())["id"])
            digests = stream.digests
        md5 = digests.md5.hexdigest()
        return certain(lambda: way.data.complete_upload(upload_id, parts, md5), way)
    except FtctlError:
        with suppress(AzureError):
            way.data.cancel_upload(upload_id)
        raise


class _Digests:
    """Hashes of what was sent so far."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self.md5 = hashlib.md5(usedforsecurity=False)  # the service compares it on completion

    def copy(self) -> _Digests:
        twin = _Digests()
        twin.sha256, twin.md5 = self.sha256.copy(), self.md5.copy()
        return twin

    def update(self, data: memoryview) -> None:
        self.sha256.update(data)
        self.md5.update(data)


@contextmanager
def _opened(source: Source, way: Way) -> Iterator[_Content]:
    """The file, if it is still one of the reviewed size; opened once, so that all parts are of the same file."""
    with _readable(source):
        if not stat.S_ISREG(source.path.stat().st_mode):
            raise source.changed("It is no regular file any more.")
        file = source.path.open("rb", buffering=0)
    with file:
        content = _Content(source, file, way)
        if content.size != source.size:
            raise source.changed(f"It had {source.size:,} bytes to send when it was checked, and has {content.size:,}.")
        yield content


@contextmanager
def _readable(source: Source) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise source.changed(f"It cannot be read any more: {why}.") from None


class _Content:
    """The bytes of a source as they are sent: the file's, with a byte order mark before them or without it."""

    def __init__(self, source: Source, file: FileIO, way: Way) -> None:
        self.source = source
        self._file = file
        self._way = way
        self._until = time.perf_counter() + LONGEST  # the network is as slow as it is, whatever the clock says
        with _readable(source):
            marked = file.read(len(BOM)) == BOM
            length = file.seek(0, io.SEEK_END)
        self._skip = len(BOM) if marked and source.bom == "strip" else 0
        self._prefix = BOM if not marked and source.bom == "add" else b""
        self.size = len(self._prefix) - self._skip + length

    def stream(self, start: int, length: int, before: _Digests) -> _Stream:
        """Bytes from `start` on, after others with the hashes `before`."""
        return _Stream(self, start, length, before)

    def patience(self) -> Patience:
        """How often and how long a part is tried: what is left of the whole upload's time."""
        left = max(0.0, self._until - time.perf_counter())
        pace = min(1.0, self._way.poll_seconds)
        return Patience(first=pace, longest=20, seconds=left, tries=_TRIES)

    def read(self, start: int, room: memoryview) -> int:
        """Fill `room` with bytes from `start` on, as far as one read goes."""
        if time.perf_counter() > self._until:
            minutes = round(LONGEST / 60)
            raise FtctlError(
                Problem(
                    "FT2210", f"the upload of {self.source.shown} was not done in {minutes} minutes", self.source.where
                )
            )
        if start < len(self._prefix):
            piece = self._prefix[start : start + len(room)]
            room[: len(piece)] = piece
            return len(piece)
        with _readable(self.source):
            self._file.seek(start - len(self._prefix) + self._skip)
            count = self._file.readinto(room)
        if not count:
            raise self.source.changed("It ended early while it was uploaded.")
        return count

    def passed(self, end: int, digests: _Digests) -> None:
        """Bytes up to `end` are about to be sent. The last ones are kept back where the whole is not what it was."""
        if end == self.source.size and (found := digests.sha256.hexdigest()) != self.source.sha256:
            raise self.source.changed(f"Its hash was {self.source.sha256[:12]} and is {found[:12]} now.")
        self._way.sent(end, self.source.size)


class _Stream(io.RawIOBase):
    """A stretch of a content, as a file for the SDK. Rewinding begins anew, with its hashes too."""

    def __init__(self, content: _Content, start: int, length: int, before: _Digests) -> None:
        self._content, self._start, self._length, self._before = content, start, length, before
        self._at = 0
        self.digests = before.copy()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """To the beginning, or to the end, which is how the length is asked for; nowhere else."""
        if (offset, whence) not in {(0, io.SEEK_SET), (0, io.SEEK_END)}:
            raise io.UnsupportedOperation("a stream is only read as a whole")
        self._at = self._length if whence == io.SEEK_END else 0
        self.digests = self._before.copy()
        return self._at

    def readinto(self, buffer: Any) -> int:
        room = memoryview(buffer)[: self._length - self._at]
        if not room:
            return 0
        count = self._content.read(self._start + self._at, room)
        self.digests.update(room[:count])
        self._at += count
        self._content.passed(self._start + self._at, self.digests)
        return count
