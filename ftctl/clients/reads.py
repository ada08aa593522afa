"""Reads that are shared: while plans are made, what one stack has asked of Azure is not asked again for the next."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar, cast

from ftctl.clients.errors import AzureError

T = TypeVar("T")


class Reads:
    """Remembers answers for as long as somebody is `sharing`; at all other times everything is asked anew.

    Only planning shares, and it writes nothing: whatever carries a plan out sees Azure as it is at that moment. What
    is remembered belongs to several, and nobody may change it. Safe to share between threads; one asks, others wait.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._sharers = 0
        self._known: dict[Hashable, Future[Any]] = {}

    @contextmanager
    def sharing(self) -> Iterator[None]:
        with self._lock:
            self._sharers += 1
        try:
            yield
        finally:
            with self._lock:
                self._sharers -= 1
                if not self._sharers:
                    self._known = {}

    @property
    def shared(self) -> bool:
        return bool(self._sharers)

    def once(self, key: Hashable, look: Callable[[], T]) -> T:
        """What `look` gives, or gave before for this key. A failure is told to those who wait, and then forgotten;
        that somebody may not read a thing stays so.
        """
        with self._lock:
            known = self._known if self._sharers else {}
            found = known.get(key)
            asked = known.setdefault(key, Future()) if found is None else found
        if found is not None:
            return cast("T", found.result())
        try:
            value = look()
        except BaseException as error:
            if not (isinstance(error, AzureError) and error.permission):
                known.pop(key, None)
            asked.set_exception(error)
            raise
        asked.set_result(value)
        return value
