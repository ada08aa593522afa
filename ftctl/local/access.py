"""Who calls, and may they: sign-in by token or key on each plane, and what roles allow."""

from __future__ import annotations

import hmac
from ipaddress import ip_address, ip_network
from typing import Any, NoReturn

from ftctl.local import catalog, identity, roles
from ftctl.local.identity import Principal
from ftctl.local.wire import Plane, Refusal, Request, Route

# The resources that tokens are asked for, in each of Azure's clouds; without a slash at the end.
ARM_AUDIENCES = frozenset(
    {
        "https://management.azure.com",
        "https://management.core.windows.net",
        "https://management.usgovcloudapi.net",
        "https://management.core.usgovcloudapi.net",
        "https://management.chinacloudapi.cn",
        "https://management.core.chinacloudapi.cn",
    }
)
GRAPH_AUDIENCES = frozenset(
    {"https://graph.microsoft.com", "https://graph.microsoft.us", "https://microsoftgraph.chinacloudapi.cn"}
)
DATA_AUDIENCES = frozenset(
    {
        "https://cognitiveservices.azure.com",
        "https://cognitiveservices.azure.us",
        "https://cognitiveservices.azure.cn",
        "https://ai.azure.com",
    }
)

_BAD_KEY = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
_BAD_TOKEN = "Unauthorized. Access token is missing, invalid, audience is incorrect, or have expired."  # noqa: S105  a message


def sign_in(request: Request, audiences: frozenset[str]) -> Principal:
    """The principal whose token a request to ARM or Graph carries."""
    token = _bearer(request)
    if not token:
        _challenge(request, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
    try:
        claims = identity.read_token(request.azure.secrets.signing_key, token)
    except identity.TokenError as error:
        if error.reason == "expired":
            _challenge(request, "ExpiredAuthenticationToken", "The access token expired.")
        _challenge(request, "InvalidAuthenticationToken", "The access token is invalid.")
    audience = str(claims["aud"])
    if audience.rstrip("/") not in audiences and audience.rstrip("/") != request.base_url:
        _challenge(
            request,
            "InvalidAuthenticationTokenAudience",
            f"The access token has been obtained for wrong audience or resource '{audience}'.",
        )
    who = identity.principal(request.azure.store, str(claims["oid"]))
    if who is None:
        _challenge(request, "InvalidAuthenticationToken", "The principal of the access token does not exist any more.")
    request.principal = who
    return who


def authorize_arm(request: Request, route: Route) -> None:
    if not route.action:
        return
    who = request.principal
    assert who is not None
    path = "/" + request.path.lstrip("/")  # where a scope leads, some SDKs send its own slash behind another one
    if not roles.allowed(request.azure, who, route.action, path):
        raise forbidden(who, route.action, path)


def forbidden(who: Principal, action: str, scope: str) -> Refusal:
    """ARM's refusal of an action."""
    return Refusal(
        403,
        "AuthorizationFailed",
        f"The client '{who.client_id or who.upn}' with object id '{who.id}' does not have authorization to perform "
        f"action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials.",
    )


def find_account(request: Request, subdomain: str | None, location: str | None) -> None:
    """Set `request.account` from the endpoint that was called; on a regional one the key tells which it is."""
    from ftctl.local import arm_accounts  # noqa: PLC0415  it needs this module

    store = request.azure.store
    if subdomain is not None:
        account = arm_accounts.by_subdomain(request.azure, subdomain)
        if account is None:
            raise Refusal(404, "404", "Resource not found")
        request.account = account
        return
    region = catalog.normal(location or "")
    for account in store.derived("accounts", lambda: store.all("account")):
        if catalog.normal(account["location"]) == region and _key_matches(account, _key(request)):
            request.account = account
            return
    if _bearer(request) and "api-key" not in request.headers:
        raise Refusal(
            400,
            "BadRequest",
            "Please provide a custom subdomain for token authentication, otherwise API key is required.",
        )
    raise Refusal(401, "401", _BAD_KEY)


def admit_data(request: Request, route: Route) -> None:
    """Sign in and authorize on the data plane: a key may do all, a token's principal what its roles say."""
    account = request.account
    assert account is not None
    _check_network(request, account)
    key = _key(request)
    if key:
        if account["properties"].get("disableLocalAuth"):
            raise Refusal(403, "AuthenticationTypeDisabled", "Key based authentication is disabled for this resource.")
        if not _key_matches(account, key):
            raise Refusal(401, "401", _BAD_KEY)
        return
    token = _bearer(request)
    if not token:
        raise Refusal(401, "401", _BAD_KEY)
    who = _data_principal(request, token)
    request.principal = who
    if route.action and not roles.allowed(request.azure, who, route.action, account["id"], data=True):
        raise missing_right(request, route)


def missing_right(request: Request, route: Route) -> Refusal:
    """The refusal of a caller who has signed in and may not do this, as the route's plane writes it."""
    who = request.principal
    if route.plane is Plane.DATA:
        return Refusal(
            401,
            "PermissionDenied",
            f"The principal `{who.id if who else ''}` lacks the required data action `{route.action}` to perform "
            f"`{request.method} {request.path}` operation.",
        )
    if who is None or route.plane is not Plane.ARM:
        return Refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    return forbidden(who, route.action, request.path)


def _data_principal(request: Request, token: str) -> Principal:
    try:
        claims = identity.read_token(request.azure.secrets.signing_key, token)
    except identity.TokenError:
        raise Refusal(401, "401", _BAD_TOKEN) from None
    if str(claims["aud"]).rstrip("/") not in DATA_AUDIENCES:
        raise Refusal(401, "401", _BAD_TOKEN)
    who = identity.principal(request.azure.store, str(claims["oid"]))
    if who is None:
        raise Refusal(401, "401", _BAD_TOKEN)
    return who


def _check_network(request: Request, account: dict[str, Any]) -> None:
    """Only an account open to the public, or to the caller's address, lets anybody in."""
    properties = account["properties"]
    if properties.get("publicNetworkAccess") == "Disabled":
        raise Refusal(403, "AccessDenied", "Public access is disabled. Please configure private endpoint.")
    rules = properties.get("networkAcls")
    if not rules or rules.get("defaultAction") != "Deny":
        return
    caller = ip_address(request.caller)
    if not any(caller in ip_network(rule["value"], strict=False) for rule in rules["ipRules"]):
        raise Refusal(403, "AccessDenied", "Access denied due to Virtual Network/Firewall rules.")


def _key(request: Request) -> str:
    """The api-key; the v1 route's OpenAI clients send it as a bearer token, which unlike a JWT has no dots."""
    bearer = _bearer(request)
    return request.headers.get("api-key") or ("" if "." in bearer else bearer)


def _key_matches(account: dict[str, Any], key: str) -> bool:
    sent = key.encode(errors="replace")
    return bool(key) and any(hmac.compare_digest(one.encode(), sent) for one in account["_keys"].values())


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _challenge(request: Request, code: str, message: str) -> NoReturn:
    authority = f"{request.base_url}/{identity.TENANT_ID}"
    raise Refusal(
        401,
        code,
        message,
        headers={"WWW-Authenticate": f'Bearer authorization_uri="{authority}", error="invalid_token"'},
    )
