"""ARM: role assignments and role definitions, at whatever scope."""

from __future__ import annotations

import re
import uuid
from typing import Any

from ftctl.local import arm, identity, roles
from ftctl.local.roles import Role
from ftctl.local.store import Doc
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

_AUTHORIZATION = "/providers/Microsoft.Authorization"
_ASSIGNMENTS = f"{_AUTHORIZATION}/roleAssignments"
_DEFINITIONS = f"{_AUTHORIZATION}/roleDefinitions"
_READ = "Microsoft.Authorization/roleAssignments/read"
_WRITE = "Microsoft.Authorization/roleAssignments/write"
_DELETE = "Microsoft.Authorization/roleAssignments/delete"
_READ_DEFINITIONS = "Microsoft.Authorization/roleDefinitions/read"
_PERMISSIONS = f"{_AUTHORIZATION}/permissions"
_READ_PERMISSIONS = "Microsoft.Authorization/permissions/read"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ACCOUNT = re.compile(
    r"(/subscriptions/[^/]+/resourceGroups/([^/]+))(/providers/[^/]+/[^/]+/[^/]+(/.*)?)?", re.IGNORECASE
)
_QUOTED = r"'((?:[^']|'')*)'"
_FILTERS = re.compile(
    rf"(?P<at>atScope\(\))?(?P<both> and )?(?:principalId eq {_QUOTED}|assignedTo\({_QUOTED}\))?", re.IGNORECASE
)
_NAME_FILTER = re.compile(rf"roleName eq {_QUOTED}", re.IGNORECASE)
_TYPE_FILTER = re.compile(rf"type eq {_QUOTED}", re.IGNORECASE)
_KINDS = frozenset({"User", "Group", "ServicePrincipal", "ForeignGroup", "Device"})
_OPTIONAL = ("description", "condition", "conditionVersion", "delegatedManagedIdentityResourceId")


@route("PUT", f"/{{scope:path}}{_ASSIGNMENTS}/{{name}}", plane=Plane.ARM, action=_WRITE)
def put_assignment(request: Request) -> Reply:
    """201 when new; an existing one takes another description or condition and nothing else."""
    azure, scope, name = request.azure, _scope(request), request.names["name"].lower()
    if not _GUID.fullmatch(name):
        raise arm.invalid(
            f"The role assignment ID '{name}' is not valid. It must be a GUID.", "InvalidRoleAssignmentId"
        )
    sent = _checked(request, arm.mapping(request.json().get("properties"), "properties"))
    with azure.store.transaction():
        _check_scope(request, scope)
        before = next((one for one in azure.store.all("role_assignment") if one["name"] == name), None)
        if before:
            doc = _changed(request, before, scope, sent)
        else:
            _check_twin(request, scope, sent)
            author = request.principal.id if request.principal else ""
            doc = roles.assignment(azure, scope, name, sent, author)
        azure.store.put("role_assignment", doc["id"], doc, parent=scope)
    shown = arm.public(doc)
    if before:
        return Reply(200, shown)
    return Reply(201, shown | {"properties": shown["properties"] | {"createdBy": None}})


@route("GET", f"/{{scope:path}}{_ASSIGNMENTS}/{{name}}", plane=Plane.ARM, action=_READ)
def get_assignment(request: Request) -> Reply:
    doc = _stored(request)
    if doc is None:
        raise Refusal(404, "RoleAssignmentNotFound", f"The role assignment '{request.names['name']}' is not found.")
    return Reply(200, arm.public(doc))


@route("DELETE", f"/{{scope:path}}{_ASSIGNMENTS}/{{name}}", plane=Plane.ARM, action=_DELETE)
def delete_assignment(request: Request) -> Reply:
    with request.azure.store.transaction():
        doc = _stored(request)
        if doc is None:
            return Reply(204)
        request.azure.store.delete("role_assignment", doc["id"])
    return Reply(200, arm.public(doc))


@route("GET", f"/{{scope:path}}{_ASSIGNMENTS}", plane=Plane.ARM, action=_READ)
def list_assignments(request: Request) -> Reply:
    """At, above and below the scope; with `atScope()` nothing below it."""
    scope, condition = _scope(request), request.query.get("$filter", "").strip()
    matched = _FILTERS.fullmatch(condition)
    only_at, principal, assigned = (matched["at"], matched[3], matched[4]) if matched else (None, None, None)
    if not matched or bool(matched["both"]) != bool(only_at and (principal or assigned)) or (only_at and principal):
        raise arm.invalid(f"The filter '{condition}' is not supported.", "UnsupportedQuery")
    ids = _ids(request, principal, assigned)
    found = [
        one
        for one in request.azure.store.all("role_assignment")
        if _related(one["properties"]["scope"], scope, below=not only_at)
        and (ids is None or one["properties"]["principalId"] in ids)
    ]
    return arm.collection([arm.public(one) for one in found])


@route("GET", f"/{{scope:path}}{_DEFINITIONS}", plane=Plane.ARM, action=_READ_DEFINITIONS)
@route("GET", _DEFINITIONS, plane=Plane.ARM)
def list_definitions(request: Request) -> Reply:
    """All built-in roles, or the one whose name, today's or a former one, the filter gives."""
    condition = request.query.get("$filter", "").strip()
    found: list[Role] = list(roles.ROLES)
    if matched := _NAME_FILTER.fullmatch(condition):
        one = roles.named(matched[1].replace("''", "'"))
        found = [one] if one else []
    elif matched := _TYPE_FILTER.fullmatch(condition):
        found = found if matched[1].lower() == "builtinrole" else []
    elif condition.lower() not in {"", "atscopeandbelow()"}:
        raise arm.invalid(f"The filter '{condition}' is not supported.", "UnsupportedQuery")
    return arm.collection([_definition(one) for one in found])


@route("GET", f"/{{scope:path}}{_DEFINITIONS}/{{name}}", plane=Plane.ARM, action=_READ_DEFINITIONS)
@route("GET", f"{_DEFINITIONS}/{{name}}", plane=Plane.ARM)
def get_definition(request: Request) -> Reply:
    name = request.names["name"]
    one = roles.role(name)
    if one is None:
        raise _no_definition(name, 404)
    return Reply(200, _definition(one))


@route("GET", f"/{{scope:path}}{_PERMISSIONS}", plane=Plane.ARM, action=_READ_PERMISSIONS)
def list_permissions(request: Request) -> Reply:
    """What each role of the caller at or above a scope allows and takes back, with the assignment's condition."""
    scope, who = _scope(request), request.principal
    assert who is not None
    _check_scope(request, scope)
    found = []
    for one in roles.assigned(request.azure, who, scope):
        allowed = roles.role(one["roleDefinitionId"])
        bound = {name: one[name] for name in ("condition", "conditionVersion") if one.get(name)}
        found += [_permission(allowed) | bound] if allowed else []
    return arm.collection(found)


def _scope(request: Request) -> str:
    return "/" + request.names["scope"].strip("/")


def _stored(request: Request) -> Doc | None:
    return request.azure.store.get("role_assignment", f"{_scope(request)}{_ASSIGNMENTS}/{request.names['name']}")


def _related(scope: str, asked: str, *, below: bool) -> bool:
    return roles.at_or_above(scope, asked) or (below and roles.at_or_above(asked, scope))


def _ids(request: Request, principal: str | None, assigned: str | None) -> set[str] | None:
    """Whose assignments are asked for; those that are assigned to somebody come through groups too."""
    if assigned is not None:
        who = identity.principal(request.azure.store, assigned)
        return identity.memberships(request.azure.store, who) if who else {assigned.lower()}
    return {principal.lower()} if principal is not None else None


def _checked(request: Request, sent: dict[str, Any]) -> dict[str, Any]:
    """The properties that count, checked against roles and directory."""
    definition, id_ = (
        arm.text(sent.get("roleDefinitionId"), "roleDefinitionId"),
        arm.text(sent.get("principalId"), "principalId"),
    )
    one = roles.role(definition)
    if one is None:
        raise _no_definition(definition, 400)
    if not _GUID.fullmatch(id_):
        raise arm.invalid(f"The principal ID '{id_}' is not valid. It must be a GUID.", "InvalidPrincipalId")
    kind = _kind(request, id_.lower(), arm.text(sent.get("principalType"), "principalType"))
    extra = {name: arm.text(sent[name], name) for name in _OPTIONAL if sent.get(name) is not None}
    return {"roleDefinitionId": roles.definition_id(one), "principalId": id_.lower(), "principalType": kind, **extra}


def _kind(request: Request, id_: str, sent: str) -> str:
    """The type of a principal. One that the directory does not know is believed when its type is sent along."""
    who = identity.principal(request.azure.store, id_)
    if sent and sent not in _KINDS:
        raise arm.invalid(f"The principal type '{sent}' is not valid.", "InvalidPrincipalType")
    if who is None and not sent:
        raise arm.invalid(
            f"Principal {uuid.UUID(id_).hex} does not exist in the directory {identity.TENANT_ID}. Check that you have "
            "the correct principal ID. If you are creating this principal and then immediately assigning a role, this "
            "error might be related to a replication delay. In this case, set the role assignment principalType "
            "property to a value, such as ServicePrincipal, User, or Group. See https://aka.ms/docs-principaltype",
            "PrincipalNotFound",
        )
    if who and sent and who.kind != sent:
        raise arm.invalid(
            f"The PrincipalId '{uuid.UUID(id_).hex}' has type '{who.kind}', which is different from specified "
            f"PrincipalType '{sent}'.",
            "UnmatchedPrincipalType",
        )
    return who.kind if who else sent


def _changed(request: Request, before: Doc, scope: str, sent: dict[str, Any]) -> Doc:
    fixed = ("roleDefinitionId", "principalId")
    properties = before["properties"]
    if properties["scope"].lower() != scope.lower() or any(properties[name] != sent[name] for name in fixed):
        raise Refusal(
            409,
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        )
    author = request.principal.id if request.principal else ""
    blank = dict.fromkeys(_OPTIONAL)
    stamped = {"updatedOn": request.azure.stamp(), "updatedBy": author}
    return before | {"properties": properties | blank | sent | stamped}


def _check_twin(request: Request, scope: str, sent: dict[str, Any]) -> None:
    for one in request.azure.store.all("role_assignment", scope):
        known = one["properties"]
        if all(known[name] == sent[name] for name in ("roleDefinitionId", "principalId")):
            raise Refusal(
                409,
                "RoleAssignmentExists",
                "The role assignment already exists. The ID of the existing role assignment is "
                f"{uuid.UUID(one['name']).hex}.",
            )


def _check_scope(request: Request, scope: str) -> None:
    """The subscription, or a group or account that is there."""
    if scope.lower() == arm.SUBSCRIPTION:
        return
    matched = _ACCOUNT.fullmatch(scope)
    if not matched:
        raise arm.invalid(f"The scope '{scope}' is not valid.", "InvalidScope")
    arm.group_to_read(request.azure, matched[2])
    resource = "/".join(scope.split("/")[:9])
    if matched[3] and request.azure.store.get("account", resource) is None:
        raise Refusal(404, "ResourceNotFound", f"The resource '{scope}' was not found.")


def _no_definition(id_: str, status: int) -> Refusal:
    name = id_.rpartition("/")[2]
    return Refusal(
        status, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{name}' does not exist."
    )


def _permission(one: Role) -> dict[str, Any]:
    return {
        "actions": list(one.actions),
        "notActions": list(one.not_actions),
        "dataActions": list(one.data_actions),
        "notDataActions": list(one.not_data_actions),
    }


def _definition(one: Role) -> dict[str, Any]:
    stamp = f"{roles.AS_OF}T00:00:00.0000000Z"
    return {
        "id": roles.definition_id(one),
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": one.id,
        "properties": {
            "roleName": one.name,
            "type": "BuiltInRole",
            "description": one.description,
            "assignableScopes": ["/"],
            "permissions": [_permission(one)],
            "createdOn": stamp,
            "updatedOn": stamp,
            "createdBy": None,
            "updatedBy": None,
        },
    }
