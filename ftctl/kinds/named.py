"""Deployments' names in Azure: what applications call stays when the spec calls it otherwise (`moved`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ftctl.core.model import Address, Live, Resource, World
from ftctl.kinds.contract import Scope, account_of


def facts(scope: Scope, lives: Iterable[Live]) -> dict[Address, Mapping[str, Any]]:
    """The stack's deployments in one account by the names that their marks tell."""
    assert scope.account is not None
    own = [live for live in lives if live.owner == scope.home.stack and not live.made_for]
    declared = {one.address.name: one for one in scope.resources}
    names = {live.label: live.name for live in own if not _taken(live, declared)}
    return {_names_of(scope.account.key): {"names": names}}


def in_azure(resource: Resource, world: World, account: str) -> str:
    """The name of a deployment, or of what a gate stands before, in the account with the id `account`."""
    names: Mapping[str, str] = world.fact(_names_of(account), "names") or {}
    called = (resource.address.name, *resource.formerly)
    return next((names[name] for name in called if name in names), resource.address.name)


def _taken(live: Live, declared: Mapping[str, Resource]) -> bool:
    """Whether the spec calls another one by the name in Azure: then that one has it."""
    new, old = declared.get(live.label), declared.get(live.name)
    return bool(new and old and new is not old and account_of(new) == account_of(old))


def _names_of(account: str) -> Address:
    return Address("deployments", account.lower())
