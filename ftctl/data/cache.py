"""Reports of files that were checked before: found by path, size and time, else by the hash of the content."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from ftctl import __version__
from ftctl.core.clock import Clock, SystemClock
from ftctl.data.lines import Source, identity
from ftctl.data.report import Bom, Checked, Format, Index, Report

MOST_BYTES = 256 << 20
_SETTLED = 2_000_000_000  # ns; what was written this shortly before may be written again without a new time
_SUM = 32
_BROKEN = (OSError, ValueError, msgspec.MsgspecError)


class Asked(NamedTuple):
    """What a report depends on beside the content and the rules; `allow` is sorted."""

    format: Format
    encoding: str
    bom: Bom
    allow: tuple[str, ...]


class _Place(msgspec.Struct, array_like=True):
    """A file as it was when it was last read, and the hash it had."""

    path: str
    identity: tuple[int, int, int, int]
    read: int
    sha256: str


class _Entry(msgspec.Struct, array_like=True):
    """A report, what it called its file, and the bytes of the index."""

    shown: str
    report: Report
    arrays: tuple[bytes, bytes, bytes]


class Cache:
    """What is kept for one file and question. Anything wrong with what is kept is as if it had not been there."""

    def __init__(
        self,
        source: Source,
        asked: Asked,
        folder: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._source = source
        self._folder = folder or _folder()
        self._path = str(source.path.resolve())
        self._place = self._folder / f"{_name(self._path, asked.bom)}.place"
        self._kind = f"{_name(rules(), *asked)}-{source.stat.st_size}-"
        self._began = int((clock or SystemClock()).now().timestamp() * 1e9)

    def find(self) -> Checked | None:
        """The report of this very content. The file is read for its hash where it may have changed since it was
        checked, and not even that if no file of its size ever was. Raises Unfit as reading does.
        """
        sha256 = self._known_hash()
        if sha256 is None:
            if not self._any():
                return None
            sha256 = self._source.again().hash()
            self._write(self._place, msgspec.msgpack.encode(self._seen(sha256)))
        return self._load(sha256)

    def keep(self, checked: Checked) -> None:
        report, index = checked.report, checked.index
        arrays = (index.keys.tobytes(), index.questions.tobytes(), index.lines.tobytes())
        entry = msgspec.msgpack.encode(_Entry(self._source.shown, report, arrays))
        self._write(self._file(report.sha256), entry)
        self._write(self._place, msgspec.msgpack.encode(self._seen(report.sha256)))
        self._tidy()

    def _known_hash(self) -> str | None:
        try:
            place = msgspec.msgpack.decode(_read(self._place), type=_Place)
        except _BROKEN:
            return None
        now = identity(self._source.stat)
        trusted = (place.path, place.identity) == (self._path, now) and now[-1] + _SETTLED < place.read
        return place.sha256 if trusted else None

    def _seen(self, sha256: str) -> _Place:
        return _Place(self._path, identity(self._source.stat), self._began, sha256)

    def _any(self) -> bool:
        return any(self._folder.glob(f"{self._kind}*"))

    def _file(self, sha256: str) -> Path:
        return self._folder / f"{self._kind}{sha256}"

    def _load(self, sha256: str) -> Checked | None:
        return _loaded(self._file(sha256), sha256, self._source.shown)

    def _write(self, path: Path, content: bytes) -> None:
        """Whole or not at all, and for its owner's eyes alone. A folder that cannot be written to keeps nothing."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as file:  # made with mode 0600
                try:
                    file.write(hashlib.sha256(content).digest() + content)
                    file.close()
                    Path(file.name).replace(path)
                finally:
                    Path(file.name).unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Forget what was not asked for the longest time; what another process has just removed is as good."""
        with suppress(OSError):
            kept = [(path, path.stat()) for path in self._folder.iterdir()]
            kept.sort(key=lambda one: one[1].st_mtime_ns, reverse=True)
            total = 0
            for path, status in kept:
                total += status.st_size
                if total > MOST_BYTES:
                    path.unlink(missing_ok=True)


def recall(sha256: str, asked: Asked, shown: str, folder: Path | None = None) -> Checked | None:
    """The report of a content that was checked before and need not be here any more; `shown` is what it is called."""
    kept = (folder or _folder()).glob(f"{_name(rules(), *asked)}-*-{sha256}")
    return next((found for path in kept if (found := _loaded(path, sha256, shown))), None)


def _loaded(path: Path, sha256: str, shown: str) -> Checked | None:
    try:
        entry = msgspec.msgpack.decode(_read(path), type=_Entry)
        index = Index()
        for values, content in zip((index.keys, index.questions, index.lines), entry.arrays, strict=True):
            values.frombytes(content)
        os.utime(path)
    except _BROKEN:
        return None
    if entry.report.sha256 != sha256 or {len(index.keys), len(index.questions), len(index.lines)} != {
        entry.report.sound
    }:
        return None
    return Checked(_called(entry.report, entry.shown, shown), index)


@cache
def rules() -> str:
    """The version of the rules that reports are made by: that of the program, and the text of its modules here."""
    text = hashlib.sha256(__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        text.update(path.read_bytes())
    return text.hexdigest()


def _folder() -> Path:
    local = (
        os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else "") or "~/.cache"
    )
    return Path(os.environ.get("FTCTL_CACHE_DIR") or Path(local) / "ftctl").expanduser() / "data"


def _name(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _read(path: Path) -> bytes:
    """The content of a file of ours. Raises ValueError for one that was cut off or is somebody else's."""
    content = path.read_bytes()
    if hashlib.sha256(memoryview(content)[_SUM:]).digest() != content[:_SUM]:
        raise ValueError(f"{path} is damaged")
    return content[_SUM:]


def _called(report: Report, former: str, now: str) -> Report:
    """The same report, of a file that goes by another name now."""
    if former == now:
        return report
    found = (one if one.line else replace(one, what=one.what.replace(former, now)) for one in report.findings)
    return replace(report, findings=tuple(found))
