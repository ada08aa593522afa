"""Copies of uploaded data files by the hash of their content, so that each is fetched once to be compared with."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

_MOST = 8  # copies are kept, the newest


class DifferentError(Exception):
    """The content has not the hash that it should have; the text is the hash that it has."""


def folder() -> Path:
    """Where copies are kept."""
    base = os.environ.get("FTCTL_CACHE_DIR") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "ftctl"
    return Path(base).expanduser() / "copies"


def kept(sha256: str) -> Path | None:
    """The copy of this content, None where there is none."""
    path = _path(sha256)
    return path if path.is_file() else None


def keep(sha256: str, pieces: Iterable[bytes]) -> Path:
    """Store a content for its owner's eyes alone. Raises DifferentError for another content, and OSError."""
    path = _path(sha256)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = hashlib.sha256()
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as file:  # made with mode 0600
        part = Path(file.name)
        try:
            for piece in pieces:
                found.update(piece)
                file.write(piece)
            file.close()
            if found.hexdigest() != sha256:
                raise DifferentError(found.hexdigest())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    _tidy(path.parent)
    return path


def _path(sha256: str) -> Path:
    return folder() / f"{sha256}.jsonl"


def _tidy(inside: Path) -> None:
    """Forget all but the newest; a copy that another process has just removed is as good."""
    with suppress(OSError):
        ordered = sorted(inside.glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in ordered[_MOST:]:
            path.unlink(missing_ok=True)
