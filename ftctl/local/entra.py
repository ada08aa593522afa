"""Microsoft Entra's part: tokens for apps and the managed identity, OpenID configuration, and ARM's cloud metadata."""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from ftctl.core.clock import SystemClock
from ftctl.local import access, identity, signin
from ftctl.local.signin import refusal
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

if TYPE_CHECKING:
    from ftctl.local.identity import Principal

_FORM_LIMIT = 1 << 16
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TENANTS = (identity.TENANT_ID, "local.example", "organizations", "common")
_EXCHANGE = "api://azureadtokenexchange"
_GITHUB = "https://token.actions.githubusercontent.com"
_NO_RESOURCE = frozenset({"openid", "profile", "email", "offline_access"})
_AUDIENCES = access.ARM_AUDIENCES | access.GRAPH_AUDIENCES | access.DATA_AUDIENCES


@route("POST", "/{tenant}/oauth2/v2.0/token", plane=Plane.ENTRA)
def token(request: Request) -> Reply:
    """For apps by their secret or a federated token; for users by a code or by the refresh token that came with it."""
    _check_tenant(request)
    form = _form(request)
    grant = _needed(form, "grant_type")
    _needed(form, "client_id")
    match grant:
        case "client_credentials":
            body = _app_token(request, form)
        case "authorization_code":
            body = signin.by_code(request, form, _audience(request, form))
        case "refresh_token":
            body = signin.by_refresh_token(request, form, _audience(request, form))
        case _:
            raise refusal(70003, "unsupported_grant_type", f"The grant type '{grant}' is not supported.")
    return Reply(200, body, {"cache-control": "no-store"})


def _app_token(request: Request, form: dict[str, str]) -> dict[str, Any]:
    who = _app(request, form["client_id"])
    if form.get("client_assertion"):
        _check_assertion(form)
    else:
        _check_secret(request, form)
    issued = identity.issue_token(request.azure.secrets.signing_key, who, _audience(request, form))
    return {"token_type": "Bearer", "access_token": issued} | dict.fromkeys(
        ("expires_in", "ext_expires_in"), identity.LIFETIME
    )


def _needed(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise refusal(900144, "invalid_request", f"The request body must contain the parameter '{name}'.")
    return form[name]


@route("GET", "/{tenant}/discovery/v2.0/keys", plane=Plane.ENTRA)
def keys(request: Request) -> Reply:
    """No public keys: tokens are signed with a secret that never leaves the folder."""
    _check_tenant(request)
    return Reply(200, {"keys": []})


@route("GET", "/{tenant}/.well-known/openid-configuration", plane=Plane.ENTRA)
@route("GET", "/{tenant}/v2.0/.well-known/openid-configuration", plane=Plane.ENTRA)
def openid_configuration(request: Request) -> Reply:
    _check_tenant(request)
    base = f"{request.base_url}/{identity.TENANT_ID}"
    return Reply(
        200,
        {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "tenant_region_scope": None,
            "cloud_instance_name": "ftctl.local",
        },
    )


@route("GET", "/msi/token", plane=Plane.OPEN)
def managed_identity(request: Request) -> Reply:
    """The managed identity's token, as App Service hands it out (api-version 2019-08-01)."""
    sent = request.headers.get("x-identity-header", "")
    if not hmac.compare_digest(sent.encode(errors="replace"), request.azure.secrets.identity_header.encode()):
        raise Refusal(401, "Unauthorized", "The header X-IDENTITY-HEADER is missing or wrong.")
    if request.query.get("api-version") != "2019-08-01":
        raise Refusal(400, "BadRequest", "The api-version must be 2019-08-01.")
    wanted = request.query.get("client_id", identity.MANAGED_IDENTITY.client_id)
    if wanted != identity.MANAGED_IDENTITY.client_id:
        raise Refusal(400, "BadRequest", "No user assigned identity has this client id.")
    resource = request.query.get("resource", "")
    if not _is_resource(request, resource):
        raise Refusal(400, "BadRequest", "The resource is missing or unknown.")
    issued = identity.issue_token(request.azure.secrets.signing_key, identity.MANAGED_IDENTITY, resource)
    expires = int(SystemClock().now().timestamp()) + identity.LIFETIME
    body = {"access_token": issued, "expires_on": str(expires), "resource": resource, "token_type": "Bearer"}
    return Reply(200, body | {"client_id": wanted})


@route("GET", "/metadata/endpoints", plane=Plane.OPEN)
def cloud_metadata(request: Request) -> Reply:
    """Where a client finds this cloud's services: one object, which is what the Azure CLI takes."""
    here = request.base_url
    return Reply(
        200,
        {
            "name": "ftctl-local",
            "portal": here,
            "authentication": {
                "loginEndpoint": f"{here}/",
                "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
                "tenant": identity.TENANT_ID,
                "identityProvider": "AAD",
            },
            "resourceManager": f"{here}/",
            "graph": "https://graph.microsoft.com/",
            "graphAudience": "https://graph.microsoft.com/",
            "microsoftGraphResourceId": f"{here}/",
            "suffixes": {"storage": "core.windows.net", "keyVaultDns": "vault.azure.net"},
        },
    )


def _check_tenant(request: Request) -> None:
    tenant = request.names["tenant"]
    if tenant.lower() not in _TENANTS:
        raise refusal(90002, "invalid_request", f"Tenant '{tenant}' not found. Check to make sure you have it right.")


def _form(request: Request) -> dict[str, str]:
    if request.length > _FORM_LIMIT:
        raise refusal(90015, "invalid_request", "The request is too long.")
    return dict(parse_qsl(request.stream.read(request.length).decode(errors="replace")))


def _app(request: Request, client_id: str) -> Principal:
    apps = identity.principals(request.azure.store, "ServicePrincipal")
    found = next((one for one in apps if one.client_id == client_id.lower()), None)
    if found is None or found.client_id not in request.azure.secrets.client_secrets:
        raise refusal(
            700016, "unauthorized_client", f"Application with identifier '{client_id}' was not found in the directory."
        )
    return found


def _check_secret(request: Request, form: dict[str, str]) -> None:
    if not form.get("client_secret"):
        raise refusal(
            7000218,
            "invalid_client",
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            401,
        )
    known = request.azure.secrets.client_secrets[form["client_id"].lower()]
    if not hmac.compare_digest(form["client_secret"].encode(), known.encode()):
        raise refusal(7000215, "invalid_client", "Invalid client secret provided.", 401)


def _check_assertion(form: dict[str, str]) -> None:
    """A federated token must be shaped and addressed as one, and in date; whom it names is believed unasked."""
    if form.get("client_assertion_type") != _ASSERTION:
        raise refusal(50027, "invalid_request", "The client assertion type is missing or unknown.")
    try:
        head = identity.peek_head(form["client_assertion"])
        claims = identity.peek_token(form["client_assertion"])
    except identity.TokenError:
        raise refusal(50027, "invalid_request", "JWT token is invalid or malformed.") from None
    if head.get("alg") not in {"RS256", "ES256", "PS256"}:
        raise refusal(50027, "invalid_request", "JWT token is invalid or malformed: it is not signed as one must be.")
    issuer, subject, audience = (claims.get(name) for name in ("iss", "sub", "aud"))
    if issuer == subject == form["client_id"]:
        raise refusal(700027, "invalid_client", "The certificate of the client assertion is not registered.", 401)
    for number, what, value, right in (
        (700211, "issuer", issuer, isinstance(issuer, str) and issuer.startswith("https://")),
        (700213, "subject", subject, _names_somebody(issuer, subject)),
        (700212, "audience", audience, _for_exchange(audience)),
    ):
        if not right:
            text = f"No matching federated identity record found for presented assertion {what} '{value}'."
            raise refusal(number, "invalid_request", text)
    _check_dates(claims)


def _names_somebody(issuer: object, subject: object) -> bool:
    """GitHub's subjects say of which repository, and of which branch, environment or pull request of it."""
    if not isinstance(subject, str) or not subject:
        return False
    return issuer != _GITHUB or re.fullmatch(r"repo:[^/:]+/[^/:]+:.+", subject) is not None


def _for_exchange(audience: object) -> bool:
    several = audience if isinstance(audience, list) else [audience]
    return any(isinstance(one, str) and one.lower() == _EXCHANGE for one in several)


def _check_dates(claims: dict[str, Any]) -> None:
    now = SystemClock().now().timestamp()
    begins, expires = (_moment(claims.get(name, default)) for name, default in (("nbf", 0), ("exp", None)))
    if begins is None or expires is None or expires + identity.LEEWAY < now or begins - identity.LEEWAY > now:
        raise refusal(700024, "invalid_client", "Client assertion is not within its valid time range.", 401)


def _moment(value: object) -> float | None:
    return value if isinstance(value, int | float) else None


def _audience(request: Request, form: dict[str, str]) -> str:
    """The resource of the first scope that has one, `<resource>/.default`; its own slash at the end it keeps."""
    scopes = [one for one in form.get("scope", "").split() if one not in _NO_RESOURCE]
    if not scopes and form["grant_type"] != "client_credentials":
        return "https://graph.microsoft.com"
    scope = scopes[0] if scopes else ""
    resource, slash, right = scope.rpartition("/")
    if not slash or (right != ".default" and form["grant_type"] == "client_credentials"):
        raise refusal(1002012, "invalid_scope", f"The provided value for scope {scope} is not valid.")
    if not _is_resource(request, resource):
        raise refusal(500011, "invalid_resource", f"The resource principal named {resource} was not found.")
    return resource


def _is_resource(request: Request, resource: str) -> bool:
    """Clients that know no more of a cloud than an address ask for a token to that address, for ARM and for Graph."""
    return resource.rstrip("/") in {*_AUDIENCES, request.base_url}
