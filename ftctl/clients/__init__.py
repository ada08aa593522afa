"""The way to Azure: one holder of all clients of a cloud, each built and imported when it is first used."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from threading import Lock, RLock, Thread
from typing import TYPE_CHECKING, Any, Self

from ftctl.catalog.clouds import Cloud
from ftctl.clients.errors import AzureError
from ftctl.clients.reads import Reads
from ftctl.clients.retry import Retry
from ftctl.clients.trace import Trace
from ftctl.core import spans
from ftctl.core.clock import Clock

if TYPE_CHECKING:
    from ftctl.clients.arm import Arm
    from ftctl.clients.auth import Credentials
    from ftctl.clients.dataplane import DataPlane
    from ftctl.clients.http import Http
    from ftctl.clients.rest import Rest

__all__ = ["AzureError", "Clients", "Retry", "Trace"]

_SLOW_IMPORTS = ("azure.identity", "ftctl.clients.arm", "ftctl.clients.rest", "ftctl.clients.dataplane")


@dataclass(slots=True)
class _Once:
    """What is asked once; whoever holds the lock asks, the others wait for it."""

    lock: Lock
    items: list[dict[str, Any]] | None = None


class Clients:
    """All clients of one cloud, sharing connections, tokens, trace and patience. Safe to share between threads.

    `notice` is told of every wait before a call is made again: the error, and how many seconds.
    """

    def __init__(
        self,
        cloud: Cloud,
        clock: Clock,
        trace: Trace | None = None,
        *,
        notice: Callable[[AzureError, float], None] | None = None,
    ) -> None:
        self.cloud = cloud
        self.clock = clock
        self.trace = trace or Trace()
        self.retry = Retry(clock, poll_seconds=cloud.poll_seconds, notice=notice)
        self.reads = Reads()
        self._lock = RLock()
        self._data: dict[str, DataPlane] = {}
        self._meters: dict[str, list[dict[str, Any]]] = {}
        self._models: dict[tuple[str, str], _Once] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for data in self._data.values():
                data.close()
            if "_http" in self.__dict__:
                self._http.close()

    @property
    def credentials(self) -> Credentials:
        with self._lock:
            return self._credentials

    @property
    def arm(self) -> Arm:
        with self._lock:
            return self._arm

    @property
    def rest(self) -> Rest:
        with self._lock:
            return self._rest

    def data(self, endpoint: str) -> DataPlane:
        """The data plane of the account with this endpoint."""
        from ftctl.clients.dataplane import DataPlane  # noqa: PLC0415  requests costs 100 ms

        with self._lock:
            if endpoint not in self._data:
                self._data[endpoint] = DataPlane(
                    endpoint, self.cloud, self._http, self._credentials, self.retry, self.reads
                )
            return self._data[endpoint]

    def retail_meters(self, region: str) -> list[dict[str, Any]]:
        """What the retail prices service has of a region; each region is asked once."""
        from ftctl.clients.retail import meters  # noqa: PLC0415  requests costs 100 ms

        with self._lock:
            if region not in self._meters:
                self._meters[region] = meters(self._http, self.retry, self.cloud.retail_prices, region)
            return self._meters[region]

    def models(self, subscription: str, region: str) -> list[dict[str, Any]]:
        """The list of a region's models; each region is asked once."""
        with self._lock:
            once = self._models.setdefault((subscription, region.replace(" ", "").lower()), _Once(Lock()))
        with once.lock:
            if once.items is None:
                once.items = self.arm.list_models(subscription, region)
            return once.items

    def warm(self) -> Thread:
        """Begin to import what a plan will need, and to sign in, beside whatever else is being done."""
        thread = Thread(target=spans.carried(self._warm), name="warm")
        thread.start()
        return thread

    def _warm(self) -> None:
        for name in _SLOW_IMPORTS:
            importlib.import_module(name)
        try:
            self.credentials.token(self.cloud.arm_scope)
        except AzureError:
            return  # whoever needs the token meets the same error, and can say what it was for

    @cached_property
    def _http(self) -> Http:
        from ftctl.clients.http import Http  # noqa: PLC0415  requests costs 100 ms

        return Http(self.cloud, self.trace)

    @cached_property
    def _credentials(self) -> Credentials:
        from ftctl.clients.auth import Credentials  # noqa: PLC0415  only where something is asked of Azure

        return Credentials(self.cloud, self._http, self.retry)

    @cached_property
    def _arm(self) -> Arm:
        from ftctl.clients.arm import Arm  # noqa: PLC0415  the SDK costs 150 ms

        return Arm(self.cloud, self._http, self._credentials, self.retry, self.reads)

    @cached_property
    def _rest(self) -> Rest:
        from ftctl.clients.rest import Rest  # noqa: PLC0415  requests costs 100 ms

        return Rest(self.cloud, self._http, self._credentials, self.retry, self.reads)
