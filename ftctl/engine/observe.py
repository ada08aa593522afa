"""Observe: everything live that a stack may care about, one listing a kind and account, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ftctl.core import spans
from ftctl.core.changes import Blind, Observed
from ftctl.core.errors import Exit, FtctlError, Problem
from ftctl.core.model import Address, Health, Home, Live, Resource, World
from ftctl.kinds.contract import Kind, Scope, Seen

if TYPE_CHECKING:
    from ftctl.clients import Clients

_AT_ONCE = 8
_Look = Callable[[], Seen | Blind]


def observe(clients: Clients, home: Home, resources: Sequence[Resource], kinds: Mapping[str, Kind]) -> Observed:
    """Read, and only read. Raises every problem that the listings ran into, at once.

    What lives in accounts is looked for in the declared ones and in those that the stack owns. A listing that the
    signed-in identity may not make is reported as blind: the plan knows whether the right to it is on its way.
    """
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        outside = _gather(
            pool, [_outside(kind, clients, home, resources) for kind in kinds.values() if not kind.in_account]
        )
        accounts = _accounts(outside, home, resources, kinds)
        inside = _gather(
            pool,
            [
                _inside(kind, clients, home, resources, a)
                for kind in kinds.values()
                if kind.in_account
                for a in accounts
            ],
        )
    seen = [found for found in (*outside, *inside) if isinstance(found, Seen)]
    facts: dict[Address, Mapping[str, Any]] = {}
    for found in seen:
        facts.update(found.facts)
    blind = tuple(found for found in inside if isinstance(found, Blind))
    return Observed(tuple(live for found in seen for live in found.lives), facts, blind)


def examine(clients: Clients, resources: Sequence[Resource], kinds: Mapping[str, Kind], world: World) -> Seen:
    """What those that judge say now, with what a first plan knows as their `world`. Read, and only read."""
    asked = [kind for kind in kinds.values() if kind.judges]
    found = [kind.examine(clients, [r for r in resources if r.address.kind == kind.name], world) for kind in asked]
    return Seen(tuple(live for seen in found for live in seen.lives))


def _outside(kind: Kind, clients: Clients, home: Home, resources: Iterable[Resource]) -> _Look:
    scope = Scope(home, tuple(r for r in resources if r.address.kind == kind.name))
    return lambda: kind.observe(clients, scope)


def _inside(kind: Kind, clients: Clients, home: Home, resources: Iterable[Resource], account: Live) -> _Look:
    scope = Scope(home, tuple(r for r in resources if r.address.kind == kind.name), account)

    def look() -> Seen | Blind:
        try:
            return kind.observe(clients, scope)
        except FtctlError as error:
            if account.health is not Health.READY:
                return Seen()  # an account on its way has nothing yet, or does not answer yet
            if error.exit is not Exit.PERMISSION:
                raise
            return Blind(kind.name, account.key, error.problems[0])

    return look


def _accounts(
    outside: Iterable[Seen | Blind], home: Home, resources: Iterable[Resource], kinds: Mapping[str, Kind]
) -> list[Live]:
    world = World(home)
    declared = {kinds["account"].wanted(r, world).key for r in resources if r.address.kind == "account"}
    lives = [live for found in outside if isinstance(found, Seen) for live in found.lives if live.kind == "account"]
    return [
        live for live in lives if (live.key in declared or live.owner == home.stack) and live.outputs.get("endpoint")
    ]


def _gather(pool: ThreadPoolExecutor, looks: Iterable[_Look]) -> list[Seen | Blind]:
    """Run them side by side; raise one error with all that went wrong, each problem once."""
    futures = [pool.submit(spans.carried(look)) for look in looks]
    problems: dict[tuple[str, str], Problem] = {}
    found: list[Seen | Blind] = []
    for future in futures:
        try:
            found.append(future.result())
        except FtctlError as error:
            problems.update({(problem.code, problem.what): problem for problem in error.problems})
    if problems:
        raise FtctlError.all(problems.values())
    return found
