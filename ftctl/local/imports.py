"""Import of files from a URL: from this machine or hosts that a setting names, and from nowhere else."""

from __future__ import annotations

import http.client
import ipaddress
import ssl
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ftctl.core.clock import Clock, SystemClock
from ftctl.local import files
from ftctl.local.dataplane import Doc, account_of, created, dated, invalid
from ftctl.local.wire import Reply, Request

if TYPE_CHECKING:
    from ftctl.local.azure import Azure

FETCH_SECONDS = 60.0  # of real time, for all of it
_STALL = 10.0  # seconds without a byte
_FIELDS = {"purpose", "filename", "content_url", "expires_after"}
_CHUNK = 1 << 18


class _Failed(Exception):
    """Why nothing was imported; says nothing of the URL, which may hold a signature."""


@dataclass(frozen=True, slots=True)
class _Source:
    secure: bool
    host: str
    port: int
    target: str


@dated("POST", "/files/import", "files/import/action")
def start(request: Request) -> Reply:
    """Take a file from where the caller says. It is pending, without its size, until its processing time is over.

    Rests on the dated schema: body, 201, states, the code fileImportFailed. That other hosts are refused at once is
    this emulator's own. The bytes are fetched while the call is answered; what came of it is told later.
    """
    azure, account, body = request.azure, account_of(request), request.json()
    files.unknown(body, _FIELDS)
    for name in ("filename", "content_url"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise invalid(f"The property '{name}' is required and must be a string.", name)
    purpose = files.checked_purpose(body.get("purpose"))
    expires_at = files.checked_expiry_object(body.get("expires_after"), azure.timestamp())
    source = _source(azure, body["content_url"])
    files.check_room(azure, account)
    path = azure.blobs / "files" / f"{uuid.uuid4().hex}.part"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        doc = _fetched(azure, account, source, path, body["filename"], purpose, expires_at) | {"_imported": True}
        files.keep(azure, account, path, doc)
    finally:
        path.unlink(missing_ok=True)
    return created(request, files.present(azure, doc), beside="/files")


def _fetched(
    azure: Azure, account: str, source: _Source, path: Path, filename: str, purpose: str, expires_at: int | None
) -> Doc:
    """The file's document, which tells of the failure where there was one."""
    try:
        _fetch(azure, source, path)
    except _Failed as failed:
        path.write_bytes(b"")
        doc = files.fresh(azure, account, filename, purpose, expires_at)
        return doc | {"bytes": 0, "_problem": str(failed), "_code": "fileImportFailed"}
    return files.prepared(azure, account, path, filename, purpose, expires_at)


def _source(azure: Azure, url: str) -> _Source:
    """Where a URL leads, if it may be gone there."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise invalid("The property 'content_url' is no URL.", "content_url") from None
    if parts.scheme not in ("http", "https") or not host or not url.isascii() or " " in url or not url.isprintable():
        raise invalid("The property 'content_url' must be an http or https URL.", "content_url")
    secure = parts.scheme == "https"
    if not _is_loopback(host) and host.lower() not in {one.lower() for one in azure.settings.import_hosts}:
        raise invalid(
            "The local Azure imports from this machine, and from hosts that its setting 'import_hosts' names.",
            "content_url",
        )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Source(secure, host, port or (443 if secure else 80), target)


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine by its address or as `localhost`. Other names are not looked up: they change."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _fetch(azure: Azure, source: _Source, path: Path) -> None:
    clock = SystemClock()  # the network is as slow as it is, whatever the local Azure's clock says
    connection = _connection(azure, source)
    try:
        connection.request("GET", source.target, headers={"Accept-Encoding": "identity"})
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise _Failed(f"the host answered {response.status}, where 200 is needed")
        _save(response, path, clock)
    except (OSError, http.client.HTTPException) as error:
        raise _Failed(f"the host could not be read ({type(error).__name__})") from None
    finally:
        connection.close()


def _save(response: http.client.HTTPResponse, path: Path, clock: Clock) -> None:
    begun, size = clock.now(), 0
    with path.open("wb") as file:
        while piece := response.read1(_CHUNK):
            size += len(piece)
            if size > files.FILE_LIMIT:
                raise _Failed(f"it has more than the {files.FILE_LIMIT} bytes that are allowed")
            if (clock.now() - begun).total_seconds() > FETCH_SECONDS:
                raise _Failed(f"it took longer than {FETCH_SECONDS:g} seconds")
            file.write(piece)
    if response.length:
        raise _Failed("the host ended early")


def _connection(azure: Azure, source: _Source) -> http.client.HTTPConnection:
    if not source.secure:
        return http.client.HTTPConnection(source.host, source.port, timeout=_STALL)
    context = ssl.create_default_context()
    own = azure.folder / "ca.pem"
    if own.exists():  # other data of the local Azure itself may be imported
        context.load_verify_locations(own)
    return http.client.HTTPSConnection(source.host, source.port, timeout=_STALL, context=context)
