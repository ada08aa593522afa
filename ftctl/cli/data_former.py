"""Where the data that something is compared with comes from: the live file, a git revision, another file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ftctl import workflow
from ftctl.cli.git import RefusedError, commit_of, git
from ftctl.cli.session import nearby
from ftctl.cli.streams import tell
from ftctl.core.clock import SystemClock
from ftctl.core.errors import FtctlError, Problem, Where
from ftctl.core.model import Health, Live, Resource
from ftctl.embedded import local_folder

if TYPE_CHECKING:
    from ftctl.clients import Clients
    from ftctl.spec.stack import Stack

Former = tuple[Path, str]
"""A file to read, and what it is called."""

_SHORT = 12  # digits of a hash or commit


@contextmanager
def from_git(path: Path, revision: str) -> Iterator[Former]:
    """The file as it was committed; large files that git keeps elsewhere are fetched by git's own filters."""
    with TemporaryDirectory(prefix="ftctl-") as folder:
        former = Path(folder) / path.name
        try:
            commit = commit_of(path.parent, revision)
            with former.open("wb") as file:
                git(path.parent, "cat-file", "--filters", f"{commit}:./{path.name}", into=file.fileno())
        except RefusedError as error:
            reason = str(error) or "there is no such revision"
            raise FtctlError(Problem("FT6012", f"the former {nearby(path)} cannot be read: {reason}")) from None
        yield former, f"git:{revision} ({commit[:_SHORT]})"


def from_live(stack: Stack, resource: Resource, sha256: str) -> Former | None:
    """The file of a dataset that is live now, read back once and kept; None where it has this very content."""
    if stack.cloud == "local":
        tell(f"On the local Azure in {nearby(local_folder())} (not Microsoft Azure).")
    with workflow.connect([stack], clock=SystemClock(), folder=local_folder()) as clouds:
        clients = clouds[workflow.cloud_key(stack)]
        live = _newest(stack, clients, resource, sha256)
        return (_copy(clients, live), f"live {live.id}") if live else None


def _newest(stack: Stack, clients: Clients, resource: Resource, sha256: str) -> Live | None:
    """The newest live file of a dataset's name; None where the content is live already and none came after it."""
    observed = workflow.observe(stack, clients)
    files = [one for one in observed.lives if one.kind == "dataset" and one.owner == stack.name]
    files = [one for one in files if one.health is not Health.FAILED]
    mine = max((one.created for one in files if one.outputs["sha256"] == sha256), default=None)
    names = {resource.address.name, *resource.formerly}
    former = [one for one in files if one.label in names and one.outputs["sha256"] != sha256]
    newest = max(former, key=lambda one: (one.created, one.id), default=None)
    if mine is not None and (newest is None or newest.created <= mine):
        return None
    if newest:
        return newest
    if refused := [one.problem for one in observed.blind if one.kind == "dataset"]:
        raise FtctlError.all(refused)
    fix = "Nothing is there to compare with before the first apply; `--against git:HEAD` compares with git."
    raise FtctlError(Problem("FT6005", f"{resource.address} is declared, but not in Azure", resource.where, fix=fix))


def _copy(clients: Clients, live: Live) -> Path:
    from ftctl.data import copies  # noqa: PLC0415  only where something is compared

    sha256, cache = live.outputs["sha256"], copies.folder()
    if path := copies.kept(sha256):
        return path
    tell(f"Reading {live.id} back, once.")
    try:
        return copies.keep(sha256, clients.data(live.outputs["endpoint"]).file_content(live.id))
    except copies.DifferentError as error:
        what = f"{live.id} has the hash {str(error)[:_SHORT]}, its name says {sha256[:_SHORT]}"
        raise FtctlError(Problem("FT6013", what)) from None
    except OSError as error:
        what = f"{cache} cannot be written: {(error.strerror or 'error').lower()}"
        raise FtctlError(Problem("FT6009", what, Where(str(cache)))) from None
