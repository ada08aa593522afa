"""A scripted server for what must be looked at byte by byte, and the local Azure for everything else."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from ftctl.catalog.clouds import Cloud, Identity
from ftctl.clients import Clients, Retry, Trace
from ftctl.core.clock import ManualClock
from ftctl.local import identity
from ftctl.local.azure import Azure


@dataclass
class Seen:
    method: str
    path: str
    query: dict
    headers: dict
    body: bytes


@dataclass
class Fake:
    """`script` maps "METHOD /path" to answers in turn, the last for ever: (status, body[, headers]) or "hang up"."""

    url: str = ""
    keep: bool = True  # the bodies that come in
    script: dict = field(default_factory=dict)
    seen: list = field(default_factory=list)

    def answer(self, seen):
        self.seen.append(seen)
        answers = self.script.get(f"{seen.method} {seen.path}", [(418, {"error": {"message": "no such line"}})])
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _any(self):
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, parts.path, parse_qs(parts.query), headers, self._body(length))
        outcome = self.server.fake.answer(seen)
        if outcome == "hang up":
            self.close_connection = True
            self.connection.shutdown(2)
            return
        status, body, *more = outcome
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        for name, value in (more[0] if more else {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(raw)))
        with suppress(ConnectionError):  # the client may have given up
            self.end_headers()
            self.wfile.write(raw)

    def _body(self, length):
        pieces = iter(self._chunk, b"") if self.headers.get("transfer-encoding") else self._pieces(length)
        return b"".join(piece for piece in pieces if self.server.fake.keep)

    def _pieces(self, length):
        while length and (piece := self.rfile.read(min(length, 1 << 16))):
            length -= len(piece)
            yield piece

    def _chunk(self):
        size = int(self.rfile.readline(), 16)
        piece = self.rfile.read(size)
        self.rfile.readline()
        return piece

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = _any  # noqa: N815  the base class's names

    def log_message(self, *_):
        pass


@pytest.fixture
def fake():
    fake = Fake()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.fake = fake
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


class OneToken:
    def token(self, scope):
        return f"token-for-{scope}"


@pytest.fixture
def plain_cloud(fake):
    """The scripted server as a cloud; without TLS, so only for clients that are given their token."""
    return Cloud("fake", fake.url, fake.url, fake.url, "arm", "data", "graph", poll_seconds=0.01, known_authority=False)


@pytest.fixture
def parts(plain_cloud):
    """What Rest and DataPlane are made of, against the scripted server."""
    from ftctl.clients.http import Http  # noqa: PLC0415  what is lazy in the product is lazy here

    http = Http(plain_cloud, Trace())
    yield plain_cloud, http, OneToken(), Retry(ManualClock(), lambda: 0.0)
    http.close()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def azure(clock):
    azure = Azure(None, clock=clock)
    yield azure
    azure.close()


@pytest.fixture
def cloud(azure):
    with azure.serve() as served:
        yield local_cloud(azure, served, identity.FTCTL_LOCAL)


@pytest.fixture
def reader_cloud(azure, cloud):
    client = identity.FTCTL_READER.client_id
    return replace(cloud, identity=Identity(identity.TENANT_ID, client, azure.secrets.client_secrets[client]))


def local_cloud(azure, served, who):
    return Cloud(
        "local",
        arm=served.url,
        authority=served.url,
        graph=served.url,
        arm_scope="https://management.azure.com/.default",
        data_scope="https://cognitiveservices.azure.com/.default",
        graph_scope="https://graph.microsoft.com/.default",
        verify=str(served.ca_file),
        identity=Identity(identity.TENANT_ID, who.client_id, azure.secrets.client_secrets[who.client_id]),
        poll_seconds=0.5,
        known_authority=False,
    )


@pytest.fixture
def clients(cloud, clock):
    with Clients(cloud, clock) as clients:
        yield clients
