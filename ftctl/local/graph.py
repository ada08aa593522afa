"""Microsoft Graph's look-ups of users, groups and service principals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from ftctl.local import identity
from ftctl.local.identity import Principal
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

_EQUALS = re.compile(r"(\w+) eq '((?:[^']|'')*)'")
_ANY = re.compile(r"servicePrincipalNames/any\((\w+):\1 eq '((?:[^']|'')*)'\)")
_STARTS = re.compile(r"startswith\((\w+), ?'((?:[^']|'')*)'\)")
_MOST_IDS = 1000
_FIELDS = {
    "User": ("id", "displayName", "userPrincipalName", "mail"),
    "Group": ("id", "displayName"),
    "ServicePrincipal": ("id", "displayName", "appId", "servicePrincipalNames"),
}


def _shown(who: Principal) -> dict[str, object]:
    body: dict[str, object] = {"id": who.id, "displayName": who.name}
    match who.kind:
        case "User":
            body |= {"userPrincipalName": who.upn, "mail": who.upn}
        case "ServicePrincipal":
            body |= {
                "appId": who.client_id,
                "servicePrincipalNames": [who.client_id],
                "servicePrincipalType": "Application",
            }
        case _:
            body |= {"securityEnabled": True, "groupTypes": []}
    return body


@route("GET", "/v1.0/users/{id}", plane=Plane.GRAPH)
def user(request: Request) -> Reply:
    """By object id or user principal name."""
    wanted = request.names["id"].lower()
    return _one(request, "User", lambda who: wanted in (who.id, who.upn.lower()))


@route("GET", "/v1.0/groups/{id}", plane=Plane.GRAPH)
def group(request: Request) -> Reply:
    return _one(request, "Group", lambda who: who.id == request.names["id"].lower())


@route("GET", "/v1.0/servicePrincipals/{id}", plane=Plane.GRAPH)
def service_principal(request: Request) -> Reply:
    return _one(request, "ServicePrincipal", lambda who: who.id == request.names["id"].lower())


@route("GET", "/v1.0/me", plane=Plane.GRAPH)
def me(request: Request) -> Reply:
    who = request.principal
    if who is None or who.kind != "User":
        raise Refusal(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
    return Reply(200, _shown(who))


@route("GET", "/v1.0/users", plane=Plane.GRAPH)
def users(request: Request) -> Reply:
    return _many(request, "User", "users")


@route("GET", "/v1.0/groups", plane=Plane.GRAPH)
def groups(request: Request) -> Reply:
    return _many(request, "Group", "groups")


@route("GET", "/v1.0/servicePrincipals", plane=Plane.GRAPH)
def service_principals(request: Request) -> Reply:
    return _many(request, "ServicePrincipal", "servicePrincipals")


@route("POST", "/v1.0/directoryObjects/getByIds", plane=Plane.GRAPH)
def get_by_ids(request: Request) -> Reply:
    """Those that there are, of the kinds asked for; ids that name nobody are left out."""
    sent = request.json()
    ids, types = _texts(sent.get("ids")), _texts(sent.get("types", []))
    kinds = {one.casefold() for one in types} or {"directoryobject"}
    found = (identity.principal(request.azure.store, id_) for id_ in dict.fromkeys(one.lower() for one in ids))
    bodies = [
        {"@odata.type": f"#microsoft.graph.{who.kind[0].lower()}{who.kind[1:]}"} | _shown(who)
        for who in found
        if who and kinds & {who.kind.casefold(), "directoryobject"}
    ]
    return Reply(200, {"@odata.context": f"{request.base_url}/v1.0/$metadata#directoryObjects", "value": bodies})


def _texts(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value) or len(value) > _MOST_IDS:
        raise Refusal(400, "Request_BadRequest", "Invalid value specified for property 'ids' or 'types'.")
    return value


def _one(request: Request, kind: str, wanted: Callable[[Principal], bool]) -> Reply:
    for who in identity.principals(request.azure.store, kind):
        if wanted(who):
            return Reply(200, _shown(who))
    raise Refusal(
        404,
        "Request_ResourceNotFound",
        f"Resource '{request.names['id']}' does not exist or one of its queried properties is not present.",
    )


def _many(request: Request, kind: str, title: str) -> Reply:
    bodies = [_shown(who) for who in identity.principals(request.azure.store, kind)]
    condition = request.query.get("$filter")
    if condition is not None:
        bodies = list(_filtered(bodies, kind, condition.strip()))
    context = f"{request.base_url}/v1.0/$metadata#{title}"
    return Reply(200, {"@odata.context": context, "value": bodies})


def _filtered(bodies: list[dict[str, object]], kind: str, condition: str) -> Iterable[dict[str, object]]:
    if matched := _ANY.fullmatch(condition):
        field, test = "servicePrincipalNames", _contains
    elif matched := _EQUALS.fullmatch(condition):
        field, test = matched[1], _equals
    elif matched := _STARTS.fullmatch(condition):
        field, test = matched[1], _begins
    if not matched or field not in _FIELDS[kind]:
        raise Refusal(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified.")
    text = matched[2].replace("''", "'").casefold()
    return (body for body in bodies if test(_folded(body[field]), text))


def _contains(value: object, text: str) -> bool:
    return isinstance(value, list) and text in value


def _equals(value: object, text: str) -> bool:
    return value == text


def _begins(value: object, text: str) -> bool:
    return str(value).startswith(text)


def _folded(value: object) -> object:
    """Graph compares without regard to case."""
    return [str(one).casefold() for one in value] if isinstance(value, list) else str(value).casefold()
