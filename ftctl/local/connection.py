"""One connection: requests one after the other over TLS, each answered by the local Azure."""

from __future__ import annotations

import socket
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, cast

from ftctl.local import http1, names
from ftctl.local.azure import BANNER, Azure
from ftctl.local.faults import Hangup
from ftctl.local.http1 import Body, Head
from ftctl.local.wire import Refusal, Reply, Request

if TYPE_CHECKING:
    from ssl import SSLSocket

# A body left unread (an upload refused at its headers) is read up to here: clients listen only once they have sent it.
_DRAIN = 1 << 30
_SMALL = 1 << 12  # bytes of a body that is soon dealt with


class Connection:
    """Its turn comes when something has arrived: what is there whole is answered, half a head waits for the rest."""

    def __init__(
        self, secure: SSLSocket, azure: Azure, *, own: str, caller: str, relieve: Callable[[Connection], None]
    ) -> None:
        """`own` is the server's address; `relieve` is called before what takes long for certain."""
        self.waiting: float | None = None  # since when; none during a turn
        self._socket = secure
        self._source = http1.Source(secure)
        self._azure = azure
        self._own = own
        self._caller = caller
        self._relieve = relieve

    def fileno(self) -> int:
        return self._socket.fileno()

    def turn(self) -> bool:
        """Whether there may be more to come."""
        try:
            self._source.fill()
            while raw := self._source.head():
                if not self._serve(http1.read_head(raw)):
                    return False
        except http1.BadRequest as refused:
            with suppress(OSError):
                self._send(http1.error(refused.status, str(refused)), head_only=False, close=True)
            return False
        except Exception:  # noqa: BLE001  what breaks one connection must not end the others
            return False
        return not self._source.ended

    def hang_up(self) -> None:
        """End it from another thread: whoever waits for it, or is at its turn, notices."""
        with suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_WR)
        self._socket.close()

    def _serve(self, head: Head) -> bool:
        """Whether the connection stays open."""
        if not 0 <= head.length <= _SMALL:
            self._relieve(self)
        if "100-continue" in head.headers.get("expect", "").lower():
            self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if head.length >= 0:
            return self._answer(head, Body(self._source, head.length))
        with tempfile.SpooledTemporaryFile(max_size=1 << 20) as spool:
            return self._answer(head, http1.dechunked(self._source, cast("BinaryIO", spool)))

    def _answer(self, head: Head, body: Body) -> bool:
        host = head.host or self._own
        request = Request(
            azure=self._azure,
            method=head.method,
            path=names.prefix(host) + head.path,
            query=head.query,
            headers=head.headers,
            stream=body,
            length=body.left,
            base_url=f"https://{host}",
            caller=self._caller,
        )
        try:
            reply = self._azure.handle(request)
        except Hangup as hangup:
            self._break_off(hangup)
            return False
        close = head.close or body.left > _DRAIN
        self._send(reply, head_only=head.method == "HEAD", close=close)
        with suppress(Refusal):
            while body.left and not close:
                body.read(1 << 20)
        return not close

    def _send(self, reply: Reply, *, head_only: bool, close: bool) -> None:
        content = http1.content_of(reply)
        if isinstance(content, bytes):
            # One write: header and body in one record.
            head = http1.head_of(reply, BANNER, len(content), close=close)
            self._socket.sendall(head if head_only else head + content)
            return
        self._socket.sendall(http1.head_of(reply, BANNER, None, close=close))
        for piece in () if head_only else content:
            if piece:
                self._socket.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if not head_only:
            self._socket.sendall(b"0\r\n\r\n")

    def _break_off(self, hangup: Hangup) -> None:
        content = http1.content_of(hangup.reply) if hangup.reply is not None else b""
        whole = content if isinstance(content, bytes) else b"".join(content)  # a file that is not read stays open
        if hangup.kind == "cut" and hangup.reply is not None:
            head = http1.head_of(hangup.reply, BANNER, len(whole), close=True)
            self._socket.sendall(head + whole[: len(whole) // 2])
        if hangup.kind == "reset":
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self._socket.detach())  # an orderly shutdown would come first otherwise
