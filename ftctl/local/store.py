"""State of the local Azure: documents in SQLite, so that all processes see the same and a kill loses nothing."""

from __future__ import annotations

import json
import mmap
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

_SCHEMA = """
CREATE TABLE IF NOT EXISTS thing (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL, id TEXT NOT NULL, parent TEXT NOT NULL DEFAULT '',
  doc TEXT NOT NULL, UNIQUE (kind, id));
CREATE INDEX IF NOT EXISTS thing_parent ON thing (kind, parent, seq);
"""

Doc = dict[str, Any]
T = TypeVar("T")
_MOST_DERIVED = 5000
_TRIES, _PAUSE = 500, 0.02  # seconds
_ABSENT = object()
_INDEX_HEADER = 48  # bytes: it counts transactions, and has a checksum of what the log holds


@dataclass(slots=True)
class _Derived:
    """What was made of the documents as they were after so many writes of ours and of others."""

    writes: int
    foreign: object
    values: dict[object, object] = field(default_factory=dict)


def _wal_index(path: Path) -> mmap.mmap | None:
    """The index of the log that SQLite shares between processes; none where it cannot be mapped."""
    try:
        with path.with_name(f"{path.name}-shm").open("rb") as file:
            return mmap.mmap(file.fileno(), _INDEX_HEADER, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None


def _begin_log(db: sqlite3.Connection) -> None:
    """Switch to a write-ahead log. While another process is just doing so, SQLite refuses without waiting."""
    for _ in range(_TRIES):
        with suppress(sqlite3.OperationalError):
            db.execute("PRAGMA journal_mode=WAL")
            return
        threading.Event().wait(_PAUSE)
    db.execute("PRAGMA journal_mode=WAL")


class Store:
    """Documents by kind and id (ids compare in lower case), each with a parent and in order of creation.

    Reads see the last commit; `with store.transaction():` makes what is written inside it one step, and keeps other
    writers (of other processes too) out meanwhile. A single write outside of one is its own.
    """

    def __init__(self, path: Path | None) -> None:
        """`path` None keeps everything in memory."""
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._writes = 0
        self._derived = _Derived(0, 0)
        self._seen = threading.local()
        target = str(path) if path else ":memory:"
        self._db = sqlite3.connect(target, check_same_thread=False, isolation_level=None, timeout=30)
        if path:
            _begin_log(self._db)
            self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        self._index = _wal_index(path) if path else None

    def close(self) -> None:
        with self._lock:
            if self._index:
                self._index.close()
                self._index = None
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            if self._depth:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            if getattr(self._seen, "version", None) is not None:
                self._seen.version = self._foreign()  # nobody else writes from here on
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                self._writes += 1  # what was derived inside is not so
                raise
            else:
                self._db.execute("COMMIT")
            finally:
                self._depth = 0

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Inside, what is derived is asked for changes by other processes once, at the beginning."""
        self._seen.version = self._foreign()
        try:
            yield
        finally:
            self._seen.version = None

    def derived(self, name: object, compute: Callable[[], T]) -> T:
        """What `compute` makes of the documents, kept until the next write. Nobody may change it."""
        foreign = getattr(self._seen, "version", None)
        if foreign is None:
            foreign = self._foreign()
        writes = self._writes
        known = self._derived
        if known.writes != writes or known.foreign != foreign:
            with self._lock:  # what another thread is just writing is seen once it is done
                known = self._derived = _Derived(self._writes, foreign)
        value = known.values.get(name, _ABSENT)
        if value is _ABSENT:
            if len(known.values) >= _MOST_DERIVED:
                known.values.clear()
            value = known.values[name] = compute()
        return cast("T", value)

    def _foreign(self) -> object:
        """What changes with every write of another process.

        SQLite would be asked for it with `PRAGMA data_version`, which makes threads take turns; it is in the header of
        the index of its log, too, which all processes map.
        """
        if self.path is None:
            return 0
        if self._index:
            return self._index[:_INDEX_HEADER]
        with self._lock:
            return self._db.execute("PRAGMA data_version").fetchone()[0]

    def read(self, kind: str, id_: str) -> Doc | None:
        """A document that nobody may change: decoded once for all who read it."""
        return self.derived((kind, id_), lambda: self.get(kind, id_))

    def get(self, kind: str, id_: str) -> Doc | None:
        text = self.derived(("text", kind, id_), lambda: self._text(kind, id_))
        return json.loads(text) if text else None

    def _text(self, kind: str, id_: str) -> str:
        with self._lock:
            row = self._db.execute("SELECT doc FROM thing WHERE kind=? AND id=?", (kind, id_.lower())).fetchone()
        return row[0] if row else ""

    def put(self, kind: str, id_: str, doc: Doc, *, parent: str = "") -> None:
        """Write `doc`; an existing one keeps its place in the order."""
        with self._lock:
            self._writes += 1
            self._db.execute(
                "INSERT INTO thing (kind, id, parent, doc) VALUES (?,?,?,?) "
                "ON CONFLICT (kind, id) DO UPDATE SET doc=excluded.doc, parent=excluded.parent",
                (kind, id_.lower(), parent.lower(), json.dumps(doc)),
            )

    def delete(self, kind: str, id_: str) -> bool:
        with self._lock:
            self._writes += 1
            return self._db.execute("DELETE FROM thing WHERE kind=? AND id=?", (kind, id_.lower())).rowcount > 0

    def delete_children(self, kind: str, parent: str) -> None:
        with self._lock:
            self._writes += 1
            self._db.execute("DELETE FROM thing WHERE kind=? AND parent=?", (kind, parent.lower()))

    def all(self, kind: str, parent: str | None = None) -> list[Doc]:
        """Documents in order of creation, of one parent or of all."""
        with self._lock:
            if parent is None:
                rows = self._db.execute("SELECT doc FROM thing WHERE kind=? ORDER BY seq", (kind,)).fetchall()
            else:
                rows = self._db.execute(
                    "SELECT doc FROM thing WHERE kind=? AND parent=? ORDER BY seq", (kind, parent.lower())
                ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def page(
        self, kind: str, parent: str, *, after: str = "", limit: int = 20, newest_first: bool = True
    ) -> tuple[list[Doc], bool]:
        """One page of a parent's documents and whether more follow; `after` is the id of the last one seen."""
        sign, order = ("<", "DESC") if newest_first else (">", "ASC")
        with self._lock:
            where, values = "kind=? AND parent=?", [kind, parent.lower()]
            if after:
                row = self._db.execute("SELECT seq FROM thing WHERE kind=? AND id=?", (kind, after.lower())).fetchone()
                if row is None:
                    return [], False
                where, values = f"{where} AND seq{sign}?", [*values, row[0]]
            rows = self._db.execute(
                f"SELECT doc FROM thing WHERE {where} ORDER BY seq {order} LIMIT ?",  # noqa: S608  only our own words
                (*values, limit + 1),
            ).fetchall()
        return [json.loads(row[0]) for row in rows[:limit]], len(rows) > limit

    def count(self, kind: str, parent: str | None = None) -> int:
        return self.derived(("count", kind, parent), lambda: self._count(kind, parent))

    def _count(self, kind: str, parent: str | None) -> int:
        with self._lock:
            if parent is None:
                return int(self._db.execute("SELECT count(*) FROM thing WHERE kind=?", (kind,)).fetchone()[0])
            return int(
                self._db.execute(
                    "SELECT count(*) FROM thing WHERE kind=? AND parent=?", (kind, parent.lower())
                ).fetchone()[0]
            )
