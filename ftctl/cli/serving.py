"""The local Azure's server: run here, run in the background, stopped, described to other clients, emptied."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from ftctl.cli.streams import show, tell
from ftctl.core.clock import SystemClock
from ftctl.core.errors import FtctlError, Problem
from ftctl.embedded import Server, announce, running, usable, withdraw
from ftctl.local import identity
from ftctl.local.azure import Azure
from ftctl.local.server import Served
from ftctl.local.store import Store

_PATIENCE = 15.0  # seconds until a server must have come up, or gone
_LOOK = 0.05
_STATE = ("state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "secrets.json", "ca.pem", "server.json", "server.log")
_FOLDERS = ("blobs", "tls")


def warn_of(host: str) -> None:
    """Say what it means to listen where other machines can call."""
    if not is_own(host):
        tell(
            f"Warning: it listens on {host}, where other machines can reach it. Who knows a secret of its folder is "
            "let in, and its certificate names this machine alone."
        )


def is_own(host: str) -> bool:
    """Whether nobody but this machine can call an address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def serve(
    folder: Path,
    port: int,
    pace: float | None,
    retirements: str | None,
    *,
    host: str = "127.0.0.1",
    by_name: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    given = {"pace": pace, "retirements": retirements}
    with usable(folder):
        azure = _opened(folder, {name: value for name, value in given.items() if value is not None})
    try:
        with azure.serve(host=host, port=port, by_name=by_name) as served:
            _until(ended, folder, served)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no such port"
        place = f"port {port}" if is_own(host) else f"{host} port {port}"
        raise FtctlError(Problem("FT5003", f"the local Azure cannot listen on {place}: {reason}")) from None
    finally:
        azure.close()


def _opened(folder: Path, settings: dict[str, Any]) -> Azure:
    """The local Azure with the settings that it keeps, and the given ones over them."""
    azure = Azure(folder)
    if not settings:
        return azure
    changed = replace(azure.settings, **settings)
    azure.close()
    return Azure(folder, settings=changed)


def _until(ended: threading.Event, folder: Path, served: Served) -> None:
    announce(folder, Server(served.url, os.getpid()))
    try:
        show(f"The local Azure (not Microsoft Azure) is up at {served.url}")
        tell('For other clients: eval "$(ftctl local env)". Ctrl-C stops it.')
        while not ended.wait(1):  # a wait without an end keeps signals out on Windows
            pass
    finally:
        withdraw(folder, os.getpid())


def detached(folder: Path, arguments: Sequence[str]) -> Server:
    """Start a server of its own process, and return once it answers."""
    with usable(folder):
        log = (folder / "server.log").open("wb")
    with log:
        process = subprocess.Popen(  # noqa: S603  our own program with our own words
            [sys.executable, "-m", "ftctl", "local", "up", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | {"FTCTL_LOCAL_DIR": str(folder)},
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # Windows' way to the same
        )
    clock = SystemClock()
    for _ in range(int(_PATIENCE / _LOOK)):
        server = running(folder)
        if server:
            return server
        if process.poll() is not None:
            break
        clock.sleep(_LOOK)
    raise FtctlError(Problem("FT5004", f"the local Azure did not come up; see {folder / 'server.log'}"))


def stop(folder: Path, server: Server) -> None:
    """End the server, and wait until it is gone. It proved to be ours, so its process id is too."""
    with suppress(ProcessLookupError):
        os.kill(server.pid, signal.SIGTERM)
    clock = SystemClock()
    for _ in range(int(_PATIENCE / _LOOK)):
        if running(folder) is None:
            withdraw(folder, server.pid)
            return
        clock.sleep(_LOOK)
    raise FtctlError(Problem("FT5006", f"the local Azure (process {server.pid}) does not stop"))


def environment(folder: Path, server: Server) -> dict[str, str]:
    """What azure-identity, the Azure and OpenAI SDKs, requests and curl read."""
    secrets = identity.Secrets.ensure(folder)
    client = identity.FTCTL_LOCAL.client_id
    store = Store(folder / "state.sqlite")
    accounts = store.all("account")
    store.close()
    return {
        **(_account(accounts[0], server) if accounts else {}),
        "AZURE_SUBSCRIPTION_ID": identity.SUBSCRIPTION_ID,
        "AZURE_TENANT_ID": identity.TENANT_ID,
        "AZURE_CLIENT_ID": client,
        "AZURE_CLIENT_SECRET": secrets.client_secrets[client],
        "AZURE_AUTHORITY_HOST": server.url,
        "AZURE_RESOURCE_MANAGER_ENDPOINT": server.url,
        "IDENTITY_ENDPOINT": f"{server.url}/msi/token",
        "IDENTITY_HEADER": secrets.identity_header,
        "REQUESTS_CA_BUNDLE": str(folder / "ca.pem"),
        "SSL_CERT_FILE": str(folder / "ca.pem"),
        "CURL_CA_BUNDLE": str(folder / "ca.pem"),
    }


def _account(account: dict[str, Any], server: Server) -> dict[str, str]:
    """Where an account answers; its key where it has one."""
    properties = account["properties"]
    name = properties.get("customSubDomainName")
    way = name or f"regional/{account['location']}"
    key = {} if properties.get("disableLocalAuth") else {"AZURE_OPENAI_API_KEY": account["_keys"]["key1"]}
    return {"AZURE_OPENAI_ENDPOINT": f"{server.url}/cognitiveservices/{way}/", **key}


def forget(folder: Path) -> None:
    """Delete what the local Azure wrote, and nothing else that may be in the folder."""
    for name in _STATE:
        (folder / name).unlink(missing_ok=True)
    for name in _FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
