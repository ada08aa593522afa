"""What git knows of a spec's folder and of the data beside it; nothing where there is no git or no repository."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from ftctl.cli.git import RefusedError, git

_DIRTY = "-dirty"
_LOOKS = 30  # earlier commits of a file that are looked into
_LARGEST = 200_000_000  # bytes of a file that is read back from its history
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n")


def revision(spec: Path) -> str:
    """The commit that a spec is at, with `-dirty` where it is not all of what is there; empty if unknown."""
    found = _git(spec.parent, "describe", "--always", "--abbrev=64", "--exclude=*", "--dirty").decode().strip()
    if not found or found.endswith(_DIRTY) or _git(spec.parent, "ls-files", "--", spec.name):
        return found
    return f"{found}{_DIRTY}"


def commit_of(path: Path, sha256: str) -> str:
    """The newest commit in which a file had the content with this hash; empty where none of the last ones is known."""
    commits = _git(path.parent, "log", "--format=%H", f"--max-count={_LOOKS}", "--", path.name).decode().split()
    return next((one for one in commits if _hash(path, one) == sha256), "")


def _hash(path: Path, commit: str) -> str:
    """The hash of a file as it was committed; of one that LFS keeps elsewhere as its pointer says."""
    there = f"{commit}:./{path.name}"
    size = _git(path.parent, "cat-file", "-s", there).strip()
    if not size or int(size) > _LARGEST:
        return ""
    content = _git(path.parent, "cat-file", "blob", there)
    pointer = _POINTER.match(content)
    return pointer[1].decode() if pointer else hashlib.sha256(content).hexdigest()


def _git(folder: Path, *words: str) -> bytes:
    try:
        return git(folder, *words)
    except (RefusedError, OSError):
        return b""
