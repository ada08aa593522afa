"""What a region offers to serve models with, and how much of its quotas is left; read once for all who ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ftctl.core.model import Home

if TYPE_CHECKING:
    from ftctl.clients import Clients

T = TypeVar("T")
_AT_ONCE = 4
_TUNED = "-finetune"  # how the quota of a fine-tuned model's deployments ends, in any case (AZURE: nothing else tells)


@dataclass(frozen=True, slots=True)
class Sku:
    """A deployment type that a model can be served with; `tuned` for what was trained from it."""

    name: str
    usage: str
    tuned: bool
    ends: str


@dataclass(frozen=True, slots=True)
class Usage:
    """A quota of a region."""

    name: str
    used: float
    limit: float

    @property
    def left(self) -> float:
        return max(0.0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Region:
    """A region on a day. What could not be read, or was not asked for, is None; `unread` says why."""

    today: date
    skus: Mapping[str, Sequence[Sku]] | None
    usages: Mapping[str, Usage] | None
    unread: Mapping[str, str]


class Regions:
    """Asks each region once, all of them side by side, whoever wants to know."""

    def __init__(self, clients: Clients, home: Home) -> None:
        self._clients, self._home = clients, home
        self._pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
        self._lock = Lock()
        self._asked: dict[tuple[str, str], Future[tuple[Any, str]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def look(self, names: Sequence[str], *, models: bool) -> dict[str, Region]:
        """Regions as they are now; their lists of models only where they are wanted."""
        today, at = self._clients.clock.now().date(), self._home.subscription
        asked = {
            name: (
                self._ask("models", name, partial(self._offered, at, name)) if models else None,
                self._ask("usages", name, partial(self._left, at, name)),
            )
            for name in names
        }
        found = {}
        for name, (offer, left) in asked.items():
            skus, no_skus = offer.result() if offer else (None, "")
            usages, no_usages = left.result()
            found[name] = Region(today, skus, usages, {"models": no_skus, "usages": no_usages})
        return found

    def _offered(self, subscription: str, region: str) -> dict[str, list[Sku]]:
        return _skus(self._clients.models(subscription, region))

    def _left(self, subscription: str, region: str) -> dict[str, Usage]:
        look = partial(self._clients.arm.list_usages, subscription, region)
        return _usages(self._clients.reads.once(("usages", subscription, region), look))

    def _ask(self, what: str, region: str, read: Callable[[], Any]) -> Future[tuple[Any, str]]:
        with self._lock:
            if (what, region) not in self._asked:
                self._asked[what, region] = self._pool.submit(read_or_why, read)
            return self._asked[what, region]


def read_or_why(read: Callable[[], T]) -> tuple[T | None, str]:
    """What a read gives, or why it gave nothing: a check that cannot be made stops no plan."""
    from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

    try:
        return read(), ""
    except AzureError as error:
        return None, error.problems[0].what
    except (AttributeError, KeyError, TypeError, ValueError):
        return None, "the answer makes no sense"


def model_key(name: str, version: str) -> str:
    return f"{name}-{version}".lower()


def _skus(items: Sequence[Mapping[str, Any]]) -> dict[str, list[Sku]]:
    """By name and version, and open weights by the name alone; a model stands there once for each kind of account."""
    found: dict[str, list[Sku]] = {}
    for item in items:
        model = item.get("model") or {}
        offered = list(_offered(model))
        for key in _keys(model):
            known = found.setdefault(key, [])
            known += [one for one in offered if one not in known]
    return found


def _keys(model: Mapping[str, Any]) -> Iterator[str]:
    yield model_key(str(model.get("name")), str(model.get("version")))
    if model.get("format") != "OpenAI":
        yield str(model.get("name")).lower()


def _offered(model: Mapping[str, Any]) -> Iterator[Sku]:
    inference = str((model.get("deprecation") or {}).get("inference") or "")
    for one in model.get("skus") or []:
        usage = str(one.get("usageName") or "")
        ends = str(one.get("deprecationDate") or inference)[:10]
        yield Sku(str(one.get("name")), usage, usage.lower().endswith(_TUNED), ends)


def _usages(items: Sequence[Mapping[str, Any]]) -> dict[str, Usage]:
    every = (Usage(str(one["name"]["value"]), float(one["currentValue"]), float(one["limit"])) for one in items)
    return {one.name.lower(): one for one in every}
