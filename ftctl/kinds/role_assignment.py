"""Role assignments: who may do what, on the account, its group, the subscription or any other scope."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from ftctl.catalog.roles import find_role
from ftctl.catalog.roles import names as role_names
from ftctl.core.changes import Change
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import Address, Home, Live, Resource, Wanted, World
from ftctl.core.rights import Right
from ftctl.core.spans import carried
from ftctl.kinds import marks, rights
from ftctl.kinds.arm import CASE
from ftctl.kinds.contract import Declaration, Flaw, Kind, Progress, Scope, Seen, account_of, described, flaw, reference

if TYPE_CHECKING:
    from ftctl.clients import Clients

_NAMESPACE = uuid.UUID("6b7f5c0e-2f5d-5a53-9a67-0f6c7e4a1d21")  # ours alone: the same triple always gets the same GUID
_GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_Named = Literal["user", "group", "servicePrincipal"]
_KEPT = ("roleDefinitionId", "principalId", "principalType", "condition", "conditionVersion",
    "delegatedManagedIdentityResourceId")  # fmt: skip
_NAMED: dict[str, _Named] = {"user": "user", "group": "group", "service_principal": "servicePrincipal"}


class Principal(Declaration, frozen=True):
    """Who gets the role: one of user, group, servicePrincipal by name, or an object id with its type."""

    user: Annotated[str | None, described("A user principal name, looked up in Microsoft Graph.")] = None
    group: Annotated[str | None, described("A group's display name, looked up in Microsoft Graph.")] = None
    service_principal: Annotated[
        str | None, described("A service principal's display name or application id, looked up in Microsoft Graph.")
    ] = None
    id: Annotated[
        Annotated[str, msgspec.Meta(pattern=_GUID)] | None,
        described("The object id; needs no right to read the directory."),
    ] = None
    type: Annotated[
        Literal["User", "Group", "ServicePrincipal"] | None, described("What the object id is; needed with `id`.")
    ] = None


class RoleAssignmentSpec(Declaration, frozen=True):
    """A role for somebody on something."""

    role: Annotated[str, described("A built-in role's name (old names too), or the GUID of any role definition.")]
    principal: Annotated[Principal, described("Who gets it.")]
    scope: Annotated[
        str,
        described(
            "resource (the account), resourceGroup, subscription, or an ARM id.",
            pattern=r"^(resource|resourceGroup|subscription|/.*)$",
        ),
    ] = "resource"
    manage: Annotated[
        Literal["full", "reference"], described("full: this stack makes and owns it. reference: it is only read.")
    ] = "full"
    resource: Annotated[str | None, reference("account", "The account, where the stack has several.")] = None


class RoleAssignmentKind(Kind):
    name = "roleAssignment"
    section = "roleAssignments"
    Spec = RoleAssignmentSpec
    rank = 2
    markable = True
    after = ("resourceGroup",)
    noise = {"role": CASE, "principal": CASE, "scope": CASE}  # noqa: RUF012  a constant

    def needs_account(self, spec: RoleAssignmentSpec) -> bool:
        return spec.scope == "resource"

    def check(self, spec: RoleAssignmentSpec) -> Iterator[Flaw]:
        principal = spec.principal
        given = [key for key in (*_NAMED, "id") if getattr(principal, key)]
        if len(given) != 1:
            found = "none" if not given else " and ".join(given)
            yield flaw(
                "principal",
                "FT1250",
                f"a principal is exactly one of user, group, servicePrincipal and id; found {found}",
                fix="Keep one of them.",
            )
        if principal.id and not principal.type:
            yield flaw(
                "principal.id",
                "FT1251",
                "`id` needs `type` beside it",
                why="Azure looks a principal up by itself when no type is sent, and fails for one made just now.",
                fix="Add `type: User`, `Group` or `ServicePrincipal`.",
            )
        if not find_role(spec.role) and not _is_guid(spec.role):
            yield _unknown_role(spec.role)

    def wanted(self, resource: Resource, world: World) -> Wanted:
        spec: RoleAssignmentSpec = resource.spec
        role = find_role(spec.role)
        scope = _scope(resource, world)
        found = world.fact(resource.address, "principal") or {}
        principal = spec.principal.id or found.get("id", "")
        fields = {"role": (role.id if role else spec.role).lower(), "principal": principal.lower(), "scope": scope}
        return Wanted(
            key=_key(**fields),
            fields=fields,
            settings={
                "type": spec.principal.type or found.get("type", ""),
                "description": marks.description(world.home, resource.address),
            },
            name=f"{role.name if role else spec.role} for {found.get('name') or principal}",
        )

    def referenced(self, resource: Resource) -> bool:
        return bool(resource.spec.manage == "reference")

    def rights(self, change: Change, resource: Resource | None) -> Iterator[Right]:
        return rights.of(change, rights.ASSIGNMENTS, change.key.partition("|")[0])

    def observe(self, clients: Clients, scope: Scope) -> Seen:
        """One listing of the subscription, with what is below it; and the names of principals looked up beside it."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            look_up = carried(_look_up)
            found = [(r, pool.submit(look_up, clients, r)) for r in scope.resources if not r.spec.principal.id]
            lives = _lives(clients, f"/subscriptions/{scope.home.subscription}")
        principals = {resource.address: lookup.result() for resource, lookup in found}
        absent = [_absent(resource) for resource, _ in found if principals[resource.address] is None]
        if absent:
            raise FtctlError.all(absent)
        facts: dict[Address, Mapping[str, Any]] = {a: {"principal": p} for a, p in principals.items()}
        return Seen(lives, facts)

    def refresh(self, clients: Clients, live: Live, home: Home, progress: Progress) -> Live | None:
        bodies = clients.rest.list_role_assignments(live.fields["scope"])
        return next((_live(body) for body in bodies if body["id"].lower() == live.id.lower()), None)

    def create(self, clients: Clients, wanted: Wanted, home: Home, progress: Progress) -> Live:
        """The same PUT twice is one assignment: its GUID is made from scope, principal and role."""
        from ftctl.clients.ids import role_assignment_id  # noqa: PLC0415  the clients come in only where Azure does

        guid = uuid.uuid5(_NAMESPACE, wanted.key)
        return self._put(clients, role_assignment_id(wanted.fields["scope"], str(guid)), wanted, home)

    def update(self, clients: Clients, live: Live, wanted: Wanted, home: Home) -> Live:
        found = live.raw["properties"]
        conditions = {name: found[name] for name in _KEPT if found.get(name)}
        return self._put(clients, live.id, wanted, home, conditions)

    def _put(
        self, clients: Clients, arm_id: str, wanted: Wanted, home: Home, kept: Mapping[str, Any] | None = None
    ) -> Live:
        from ftctl.clients.ids import role_definition_id  # noqa: PLC0415  the same

        properties = {
            **(kept or {}),
            "roleDefinitionId": role_definition_id(home.subscription, wanted.fields["role"]),
            "principalId": wanted.fields["principal"],
            "principalType": wanted.settings["type"],
            "description": wanted.settings["description"],
        }
        return _live(clients.rest.put_role_assignment(arm_id, {"properties": properties}))

    def mark(self, clients: Clients, live: Live, wanted: Wanted, home: Home) -> None:
        _describe(clients, live, wanted.settings["description"])

    def unmark(self, clients: Clients, live: Live, home: Home) -> None:
        _describe(clients, live, "")

    def gone(self, resource: Resource) -> str:
        return "Somebody removed it, or whom it was for was deleted."

    def delete(self, clients: Clients, live: Live) -> None:
        clients.rest.delete_role_assignment(live.id)


def _describe(clients: Clients, live: Live, text: str) -> None:
    """The assignment as it is, with another description."""
    found = live.raw["properties"]
    kept = {name: found[name] for name in _KEPT if found.get(name) is not None}
    clients.rest.put_role_assignment(live.id, {"properties": {**kept, "description": text}})


def _scope(resource: Resource, world: World) -> str:
    match resource.spec.scope:
        case "resource":
            return str(world.output(account_of(resource), "id"))
        case "resourceGroup":
            return f"/subscriptions/{world.home.subscription}/resourceGroups/{world.home.group}"
        case "subscription":
            return f"/subscriptions/{world.home.subscription}"
        case arm_id:
            return str(arm_id)


def _key(scope: str, principal: str, role: str) -> str:
    return f"{scope}|{principal}|{role}".lower()


def _lives(clients: Clients, scope: str) -> tuple[Live, ...]:
    found = clients.rest.list_role_assignments
    return clients.reads.once(("roleAssignment", scope), lambda: tuple(map(_live, found(scope))))


def _live(body: dict[str, Any]) -> Live:
    properties = body["properties"]
    scope = body["id"].rpartition("/providers/Microsoft.Authorization")[0] or properties["scope"]
    guid = properties["roleDefinitionId"].rpartition("/")[2]
    role = find_role(guid)
    fields = {"role": guid.lower(), "principal": properties["principalId"].lower(), "scope": scope}
    account = scope.lower() if "/accounts/" in scope.lower() else ""
    return Live(
        kind="roleAssignment",
        key=_key(**fields),
        id=body["id"],
        name=f"{role.name if role else guid} for {properties['principalId']}",
        fields=fields,
        outputs={"id": body["id"]},
        within=account,
        created=_seconds(properties.get("createdOn")),
        raw=body,
        **marks.described(properties.get("description")),
    )


def _seconds(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0


def _look_up(clients: Clients, resource: Resource) -> Mapping[str, Any] | None:
    kind, name = _named(resource)
    return clients.rest.find_principal(kind, name)


def _named(resource: Resource) -> tuple[_Named, str]:
    """The kind of principal and its name, as the spec writes them."""
    principal: Principal = resource.spec.principal
    return next((kind, name) for key, kind in _NAMED.items() if (name := getattr(principal, key)))


def _absent(resource: Resource) -> Problem:
    kind, name = _named(resource)
    return Problem(
        "FT3210",
        f"{resource.address}: no {kind} named {name!r} in the directory",
        resource.place("principal"),
        why="Microsoft Graph answered that there is none, or the signed-in identity may not see it.",
        fix="Correct the name, or give the object id: `principal: {id: …, type: …}`.",
    )


def _unknown_role(role: str) -> Flaw:
    from ftctl.core.suggest import did_you_mean  # noqa: PLC0415  only for an error

    return flaw(
        "role",
        "FT1252",
        f"{role!r} is no built-in role that ftctl knows",
        fix=f"{did_you_mean(role, role_names())} Any other role is named by its role definition's GUID.".strip(),
    )


def _is_guid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


KIND = RoleAssignmentKind()
