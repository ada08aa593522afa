"""Who waits for which connection: one thread for all of them, relieved where an answer takes it long.

Threads take turns in Python anyway, and to hand over the turn costs as much as a small answer does. So the thread that
waits answers as well, and whatever it answers for longer than a blink (a large body, a stream, a client that does not
read, a fault that waits) it goes on with while another thread waits for the others.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ftctl.local.connection import Connection

IDLE = 75  # seconds


class Loop:
    """Connections, and the thread that leads: it waits for all of them and is the one to change which those are."""

    def __init__(self) -> None:
        self._selector = DefaultSelector()
        self._bell, self._ear = socket.socketpair()
        self._ear.setblocking(False)
        self._selector.register(self._ear, EVENT_READ)
        self._lock = threading.Lock()
        self._connections: set[Connection] = set()
        self._arrivals: deque[Connection] = deque()
        self._busy: Connection | None = None  # whose turn it is with the thread that leads
        self._turns = self._seen = 0
        self._open = True
        self._start()

    def _start(self) -> None:
        self._leader = threading.Thread(target=self._lead, daemon=True)
        self._leader.start()

    def take(self, connection: Connection) -> None:
        """Wait for what comes over a connection, from now on or again."""
        self._connections.add(connection)
        connection.waiting = perf_counter()
        self._arrivals.append(connection)
        try:
            self._bell.send(b"!")
        except OSError:  # the loop has ended meanwhile
            self._drop(connection)

    def relieve(self, connection: Connection) -> None:
        """Have another thread lead, where this connection is what the leading one is busy with."""
        with self._lock:
            if self._busy is not connection:
                return
            self._busy = None
            self._selector.unregister(connection)  # nobody selects as long as nobody leads
        self._start()

    def watch(self) -> None:
        """To be called every blink by another thread."""
        busy = self._busy
        if busy and self._turns == self._seen:
            self.relieve(busy)
        self._seen = self._turns
        silent = perf_counter() - IDLE
        for one in list(self._connections):
            if one.waiting and one.waiting < silent:
                one.hang_up()  # the thread that leads sees its end

    def stop(self) -> None:
        """End the connections too. An answer that somebody is still at is not waited for."""
        self._open = False
        for one in list(self._connections):
            one.hang_up()
        with suppress(OSError):
            self._bell.send(b"!")
        self._leader.join(timeout=1)

    def _lead(self) -> None:
        while self._open:
            for key, _ in self._selector.select():
                if key.fileobj is self._ear:
                    self._admit()
                elif not self._turn(key.data):
                    return
        for thing in (self._selector, self._bell, self._ear):
            thing.close()
        for one in list(self._connections):
            if one.waiting:
                self._drop(one)

    def _admit(self) -> None:
        self._ear.recv(4096)
        while self._arrivals:
            connection = self._arrivals.popleft()
            self._selector.register(connection, EVENT_READ, connection)

    def _turn(self, connection: Connection) -> bool:
        """Whether this thread still leads after it."""
        connection.waiting = None
        self._busy = connection
        self._turns += 1
        stays = connection.turn()
        with self._lock:
            leads = self._busy is connection
            if leads:
                self._busy = None
        if not stays:
            if leads:
                self._selector.unregister(connection)
            self._drop(connection)
        elif leads:
            connection.waiting = perf_counter()
        else:
            self.take(connection)
        return leads

    def _drop(self, connection: Connection) -> None:
        self._connections.discard(connection)
        connection.close()
