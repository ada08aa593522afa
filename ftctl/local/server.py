"""The HTTPS side: a port, whom it presents itself as, and connections handed to the loop that answers them."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

from ftctl.local import tls
from ftctl.local.azure import Azure
from ftctl.local.connection import Connection
from ftctl.local.loop import IDLE, Loop

_HANDSHAKE = 10  # seconds
_BLINK = 0.02  # seconds


@dataclass(frozen=True, slots=True)
class Served:
    """Where a local Azure answers, and the CA file to trust."""

    url: str
    ca_file: Path


@contextmanager
def serving(azure: Azure, *, host: str, port: int, by_name: bool = False) -> Iterator[Served]:
    """Serve until the block ends; every connection still open is closed then.

    `by_name` is with a certificate for Azure's own host names too.
    """
    ca_file = tls.ensure_ca(azure.folder)
    server = _Server((host, port), azure, tls.server_context(azure.folder, by_name=by_name))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": _BLINK}, daemon=True)
    thread.start()
    try:
        yield Served(server.url, ca_file)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        server.loop.stop()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], azure: Azure, context: ssl.SSLContext) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, BaseRequestHandler)
        self._azure = azure
        self._context = context
        self.loop = Loop()
        # From here every address is this machine's own.
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(address[0], address[0])  # noqa: S104  asked for by name
        name = f"[{host}]" if ":" in host else host
        self.url = f"https://{name}:{self.server_address[1]}"

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The handshake is in a thread of its own, so a slow client keeps nobody else waiting."""
        request.settimeout(_HANDSHAKE)
        try:
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            secure = self._context.wrap_socket(request, server_side=True)
        except (OSError, ValueError):
            self.shutdown_request(request)
            return
        secure.settimeout(IDLE)
        own, caller = self.url.partition("://")[2], str(client_address[0]).partition("%")[0]
        self.loop.take(Connection(secure, self._azure, own=own, caller=caller, relieve=self.loop.relieve))

    def service_actions(self) -> None:
        """What is called every blink, and whenever somebody connects."""
        self.loop.watch()
