"""The local Azure as ftctl itself uses it: the server that is up for the folder, or one in this process for a while."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ftctl.catalog.clouds import CLOUDS, Cloud, Identity
from ftctl.core.errors import FtctlError, Problem

_POLL_SECONDS = 0.5
_PATIENCE = 2.0  # seconds a server that is up may take to answer
_BANNER = "ftctl-local-azure"


@dataclass(frozen=True, slots=True)
class Server:
    """A local Azure that runs for others: what its `server.json` says."""

    url: str
    pid: int


def local_folder(start: Path | None = None) -> Path:
    """Where the project's local Azure keeps its state.

    The project is the nearest folder, from here upwards, that has a `.ftctl` or is a git repository; else this one.
    """
    if named := os.environ.get("FTCTL_LOCAL_DIR"):
        return Path(named).expanduser()
    here = (start or Path.cwd()).resolve()
    project = next((at for at in (here, *here.parents) if (at / ".ftctl").is_dir() or (at / ".git").exists()), here)
    return project / ".ftctl" / "local"


@contextmanager
def local_cloud(folder: Path) -> Iterator[Cloud]:
    """The cloud `local` on a folder, for as long as the block runs.

    Raises FT5005 where the folder cannot be used.
    """
    server = running(folder)
    if server:
        yield cloud(server.url, folder)
        return
    from ftctl.local.azure import Azure  # noqa: PLC0415  only where there is no server yet

    with ExitStack() as open_:
        with usable(folder):
            azure = Azure(folder)
            open_.callback(azure.close)
            served = open_.enter_context(azure.serve())
        yield cloud(served.url, folder)


def cloud(url: str, folder: Path) -> Cloud:
    """The cloud profile of a local Azure; it accepts tokens for the public cloud's audiences."""
    from ftctl.local.identity import FTCTL_LOCAL, TENANT_ID, Secrets  # noqa: PLC0415  with the server

    secret = Secrets.ensure(folder).client_secrets[FTCTL_LOCAL.client_id]
    return replace(
        CLOUDS["public"],
        name="local",
        arm=url,
        authority=url,
        graph=url,
        data_suffix="",
        retail_prices=f"{url}/api/retail/prices",
        verify=str(folder / "ca.pem"),
        identity=Identity(TENANT_ID, FTCTL_LOCAL.client_id, secret),
        poll_seconds=_POLL_SECONDS,
        known_authority=False,
    )


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Make the folder, keep it out of git, and tell of what the system refuses about it."""
    from sqlite3 import Error as DatabaseError  # noqa: PLC0415  with the server

    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        yield
    except (OSError, DatabaseError, json.JSONDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise FtctlError(Problem("FT5005", f"the local Azure cannot use its folder {folder}: {reason}")) from error


def running(folder: Path) -> Server | None:
    """The server that is up for the folder: it is named, answers, and proves by its certificate that it is ours."""
    try:
        server = Server(**json.loads((folder / "server.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return server if _answers(server.url, folder / "ca.pem") else None


def announce(folder: Path, server: Server) -> None:
    """Write down that a server is up, so that other commands find it."""
    aside = folder / f".server-{server.pid}.json"
    aside.write_text(json.dumps(asdict(server)), encoding="utf-8")
    aside.replace(folder / "server.json")


def withdraw(folder: Path, pid: int) -> None:
    """Take back what `announce` of this process wrote."""
    path = folder / "server.json"
    with suppress(OSError, ValueError):
        if json.loads(path.read_text(encoding="utf-8")).get("pid") == pid:
            path.unlink()


def _answers(url: str, ca_file: Path) -> bool:
    import ssl  # noqa: PLC0415  only where a server is named
    from http.client import HTTPException, HTTPSConnection  # noqa: PLC0415  the same

    try:
        context = ssl.create_default_context(cafile=str(ca_file))
        connection = HTTPSConnection(url.removeprefix("https://"), timeout=_PATIENCE, context=context)
        connection.request("GET", "/metadata/endpoints")
        header = connection.getresponse().getheader("Server", "")
        connection.close()
    except (OSError, HTTPException, ValueError):
        return False
    return header.startswith(_BANNER)
