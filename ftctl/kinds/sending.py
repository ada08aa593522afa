"""Getting a dataset's content into an account: uploaded from disk or imported by the service, and accepted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftctl.clients.uploads import Sizes, Source, Way, certain, upload
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import Home, Live, Wanted
from ftctl.kinds import files
from ftctl.kinds.contract import Progress
from ftctl.kinds.transfer import Meter

if TYPE_CHECKING:
    from ftctl.clients import Clients
    from ftctl.clients.dataplane import DataPlane

SIZES = Sizes()


def send(clients: Clients, wanted: Wanted, find: Callable[[], Live | None], progress: Progress) -> dict[str, Any]:
    """The file that a local one, or what an address gives, becomes. `find` looks for it where an answer got lost."""
    settings = wanted.settings
    origin: files.Origin = settings["origin"]
    meter = Meter(progress, "uploading")
    data = clients.data(settings["endpoint"])
    way = Way(data, clients.clock, clients.cloud.poll_seconds, lambda: _raw(find()), meter, SIZES)
    if not settings["path"]:
        progress("asking the service to import it")
        return _imported(origin, wanted.name, way)
    progress("uploading")
    source = Source(
        Path(settings["path"]), origin.shown, settings["sha256"], settings["bytes"], settings["bom"], origin.where
    )
    return upload(source, wanted.name, way)


def _raw(live: Live | None) -> dict[str, Any] | None:
    return dict(live.raw) if live else None


def _imported(origin: files.Origin, name: str, way: Way) -> dict[str, Any]:
    """Ask for an import; what the service says of the address is not passed on."""
    try:
        return certain(lambda: way.data.import_file(origin.url, name), way)
    except FtctlError as error:
        problem = error.problems[0]
        if (hidden := origin.hide(problem.what)) == problem.what:
            raise
        raise FtctlError(Problem(problem.code, hidden, origin.where, problem.why, problem.fix)) from None


def accepted(data: DataPlane, live: Live, home: Home, progress: Progress) -> Live:
    """A file that has been processed; an import that is not what was asked for is deleted again, if it is ours."""
    now = files.examined(data, live, progress)
    if now.key == live.key:
        return now
    origin, mine = files.origin_of(live), live.owner == home.stack
    if mine:
        data.delete_file(live.id)
    if now.outputs["sha256"] == live.id:
        raise FtctlError(Problem("FT2214", f"the service could not import the file: {live.detail}", origin.where))
    what = f"what was imported has the hash {now.outputs['sha256'][:12]}…, not {live.outputs['sha256'][:12]}…"
    raise FtctlError(Problem("FT2211", f"{what}{'; it was deleted again' if mine else ''}", origin.where))
