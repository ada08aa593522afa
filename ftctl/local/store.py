"""State of the local Azure: documents in SQLite, so that all processes see the same and a kill loses nothing."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
        self._derived: tuple[object, dict[object, object]] = (None, {})
        self._seen = threading.local()
        target = str(path) if path else ":memory:"
        self._db = sqlite3.connect(target, check_same_thread=False, isolation_level=None, timeout=30)
        if path:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            if self._depth:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
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
        with self._lock:
            foreign = getattr(self._seen, "version", None)
            version = (self._writes, self._foreign() if foreign is None else foreign)
        then, kept = self._derived
        if then != version:
            kept = {}
            self._derived = (version, kept)
        if name not in kept:
            kept[name] = compute()
        return cast("T", kept[name])

    def _foreign(self) -> int:
        """What changes with every write of another process."""
        if self.path is None:
            return 0
        with self._lock:
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def read(self, kind: str, id_: str) -> Doc | None:
        """A document that nobody may change: decoded once for all who read it."""
        return self.derived((kind, id_), lambda: self.get(kind, id_))

    def get(self, kind: str, id_: str) -> Doc | None:
        with self._lock:
            row = self._db.execute("SELECT doc FROM thing WHERE kind=? AND id=?", (kind, id_.lower())).fetchone()
        return json.loads(row[0]) if row else None

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
        with self._lock:
            if parent is None:
                return int(self._db.execute("SELECT count(*) FROM thing WHERE kind=?", (kind,)).fetchone()[0])
            return int(
                self._db.execute(
                    "SELECT count(*) FROM thing WHERE kind=? AND parent=?", (kind, parent.lower())
                ).fetchone()[0]
            )
