"""Git, asked as people ask it: one command in a folder, and its answer or its reason."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ftctl.render.look import clean

_NO_HOOKS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")  # reading runs nothing of a repository's


class RefusedError(Exception):
    """Git said no, or is not there; the text says why, and may be empty."""


def git(folder: Path, *words: str, into: int = subprocess.PIPE) -> bytes:
    """What git says in a folder."""
    command = ["git", *_NO_HOOKS, "-C", str(folder), *words]
    try:
        done = subprocess.run(command, stdout=into, stderr=subprocess.PIPE, check=True)  # noqa: S603  no shell, and a revision is no option
    except FileNotFoundError:
        raise RefusedError("git is not installed") from None
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise RefusedError(clean(reason.removeprefix("fatal: "))) from None
    return done.stdout or b""


def commit_of(folder: Path, revision: str) -> str:
    """The commit that a revision names."""
    told = git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return told.decode().strip()
