"""Preflight: what a plan with something to do would run into, asked of Azure side by side, and never with a write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ftctl.catalog.roles import Role, find_role, roles_that_give, roles_that_manage
from ftctl.core import rights
from ftctl.core.changes import Action, Blind, Change, Plan
from ftctl.core.model import Address, Finding, Health, Resource, Standing, Wanted
from ftctl.core.preflight import checked
from ftctl.core.rights import Grant, Right, Roles
from ftctl.kinds.contract import Kind
from ftctl.kinds.regions import Regions, read_or_why

if TYPE_CHECKING:
    from ftctl.clients import Clients
    from ftctl.clients.whoami import SignedIn

_AT_ONCE = 8
_SOON = 600  # seconds that a token should still have: a fresh one has an hour
_Signed = tuple["SignedIn | None", str]


def preflight(
    clients: Clients, resources: Sequence[Resource], kinds: Mapping[str, Kind], plan: Plan, blind: Sequence[Blind] = ()
) -> Plan:
    """The plan with all that was found. One without changes asks nothing; a read that fails leaves its check open."""
    if plan.empty:
        return plan
    declared = {resource.address: resource for resource in resources}
    needed = _needed(plan, declared, kinds)
    at = {right.scope: rights.standing_at(right.scope, plan.changes) for right in needed}
    spelled = _spelled(plan)
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool, Regions(clients, plan.home) as regions:
        pending = {one.address for one in plan.pending if one.action is not Action.DELETE}
        own = [
            pool.submit(kind.preflight, regions, plan, mine)
            for kind in kinds.values()
            if (mine := {a: one for a, one in declared.items() if a in pending and a.kind == kind.name})
        ]
        roles = {scope: pool.submit(_roles, clients, spelled.get(scope, scope)) for scope in sorted(set(at.values()))}
        audiences = [clients.cloud.arm_scope] + [clients.cloud.data_scope] * any(right.data for right in needed)
        signed = [pool.submit(_signed_in, clients, audience) for audience in audiences]
        caller = signed[0].result()[0]
        found = {address: outlook for future in own for address, outlook in future.result().items()}
        granted = {scope: future.result() for scope, future in roles.items()}
        whole = (
            *_credentials(audiences, signed),
            *_reached(plan, blind),
            *_permissions(needed, granted, at, _grants(plan, declared, kinds, caller, needed), spelled),
        )
    return checked(plan, whole, found)


# --- who is signed in


def _signed_in(clients: Clients, audience: str) -> _Signed:
    return read_or_why(lambda: clients.credentials.who(audience))


def _credentials(audiences: Sequence[str], signed: Sequence[Future[_Signed]]) -> Iterator[Finding]:
    """Who the tokens are for; one finding where both planes see the same."""
    told: dict[str, list[str]] = {}
    doubts: dict[str, Finding] = {}
    for audience, future in zip(audiences, signed, strict=True):
        who, why = future.result()
        host = urlsplit(audience).netloc
        text = f"signed in as {_name(who)}" if who and who.id else ""
        if not who or not text:
            what = f"who is signed in to {host} is not known"
            yield Finding("credentials", Standing.UNVERIFIED, what, why or "the token does not say it", host)
            continue
        told.setdefault(text, []).append(host)
        if who.seconds < _SOON:
            what = f"{text}: the token for {host} ends in {max(0, round(who.seconds / 60))} minutes"
            doubts[host] = Finding("credentials", Standing.WARN, what, "the token's own words", host)
    for text, hosts in told.items():
        yield Finding("credentials", Standing.PASS, text, f"the token for {' and '.join(hosts)}", hosts[0])
    yield from doubts.values()


def _name(who: SignedIn) -> str:
    own = who.name or (f"application {who.app}" if who.app else "somebody")
    return f"{own} (object {who.id}) of tenant {who.tenant}"


def _reached(plan: Plan, blind: Sequence[Blind]) -> Iterator[Finding]:
    """What answered while the plan was made: without Azure Resource Manager there would be none."""
    basis = "the reads that this plan was made of"
    yield Finding("api", Standing.PASS, "Azure Resource Manager answers", basis)
    refused = {one.within for one in blind}
    lives = {one.live.key: one.live for one in plan.changes if one.live and one.kind == "account"}
    for key, live in lives.items():
        if not live.outputs.get("endpoint") or live.health is not Health.READY:
            what = f"whether the data of {live.name} can be reached is not known"
            yield Finding("api", Standing.UNVERIFIED, what, live.detail or "it has no endpoint yet", live.id)
        else:
            said = "answers, and refuses to list" if key in refused else "answers"
            yield Finding("api", Standing.PASS, f"the data plane of {live.name} {said}", basis, live.id)


# --- what the caller may do


def _needed(
    plan: Plan, declared: Mapping[Address, Resource], kinds: Mapping[str, Kind]
) -> dict[Right, tuple[str, ...]]:
    """Each right that the plan takes, with what for."""
    needed: dict[Right, tuple[str, ...]] = {}
    for change in plan.pending:
        if change.action is not Action.BLOCKED:
            for right in kinds[change.kind].rights(change, declared.get(change.address)):
                said = needed.get(right, ())
                needed[right] = (*said, str(change.address)) if str(change.address) not in said else said
    return needed


def _roles(clients: Clients, scope: str) -> Roles:
    look = partial(clients.reads.once, ("permissions", scope.lower()), partial(clients.rest.list_permissions, scope))
    found, why = read_or_why(lambda: rights.read(look()))
    return Roles(found or (), why)


def _permissions(
    needed: Mapping[Right, Sequence[str]],
    granted: Mapping[str, Roles],
    at: Mapping[str, str],
    grants: Sequence[Grant],
    spelled: Mapping[str, str],
) -> Iterator[Finding]:
    for one in rights.judged(needed, granted, at, grants, _advice):
        yield replace(one, scope=spelled.get(one.scope, one.scope))


def _advice(right: Right) -> str:
    names = roles_that_give(right.action) if right.data else roles_that_manage(right.action)
    return f"'{names[0]}' gives it" if names else ""


def _grants(
    plan: Plan,
    declared: Mapping[Address, Resource],
    kinds: Mapping[str, Kind],
    caller: SignedIn | None,
    needed: Mapping[Right, object],
) -> list[Grant]:
    """The role assignments that the plan makes, or has on what is not there now, if they could be the caller's."""
    found = []
    for change in (one for one in plan.changes if one.kind == "roleAssignment" and one.address in declared):
        wanted = kinds[change.kind].wanted(declared[change.address], plan.world)
        ours = _ours(caller, str(wanted.fields["principal"]), str(wanted.settings["type"]))
        scope = str(wanted.fields["scope"])
        asked = change.action is not Action.CREATE and rights.standing_at(scope, plan.changes) == scope
        if not asked and ours is not False:
            found.append(_grant(change, wanted, ours, needed))
    return found


def _ours(caller: SignedIn | None, principal: str, kind: str) -> bool | None:
    """Whether a principal is the caller or a group of the caller's; None where nobody can say."""
    if caller is None or not caller.id:
        return None
    if principal == caller.id or principal in (caller.groups or ()):
        return True
    return None if kind == "Group" and caller.groups is None else False


def _grant(change: Change, wanted: Wanted, ours: bool | None, needed: Mapping[Right, object]) -> Grant:  # noqa: FBT001  a value of its own
    role = find_role(str(wanted.fields["role"]))
    title, _, to = change.name.rpartition(" for ")
    return Grant(str(wanted.fields["scope"]), title, to, ours, {right: _gives(role, right) for right in needed})


def _gives(role: Role | None, right: Right) -> bool | None:
    if role is None:
        return None
    return role.gives(right.action) if right.data else role.manages(right.action)


def _spelled(plan: Plan) -> dict[str, str]:
    """ARM ids as Azure writes them, by their lower case, in which keys are kept."""
    ids = [str(outputs["id"]) for outputs in plan.world.outputs.values() if "id" in outputs]
    ids += [one.live.id for one in plan.changes if one.live]
    ids += [f"/subscriptions/{plan.home.subscription}/resourceGroups/{plan.home.group}"]
    return {one.lower(): one for one in ids}
