"""Microsoft Entra's part: tokens for apps and the managed identity, OpenID configuration, and ARM's cloud metadata."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from ftctl.core.clock import SystemClock
from ftctl.local import access, identity
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

if TYPE_CHECKING:
    from ftctl.local.identity import Principal

_FORM_LIMIT = 1 << 16
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_AUDIENCES = access.ARM_AUDIENCES | access.GRAPH_AUDIENCES | access.DATA_AUDIENCES


def _refusal(number: int, code: str, message: str, status: int = 400) -> Refusal:
    return Refusal(status, code, f"AADSTS{number}: {message}", error_codes=[number])


@route("POST", "/{tenant}/oauth2/v2.0/token", plane=Plane.ENTRA)
def token(request: Request) -> Reply:
    """Client credentials, by secret or by a federated token in its place."""
    _check_tenant(request)
    form = _form(request)
    if not form.get("grant_type"):
        raise _refusal(900144, "invalid_request", "The request body must contain the parameter 'grant_type'.")
    if form["grant_type"] != "client_credentials":
        raise _refusal(70003, "unsupported_grant_type", f"The grant type '{form['grant_type']}' is not supported.")
    if not form.get("client_id"):
        raise _refusal(900144, "invalid_request", "The request body must contain the parameter 'client_id'.")
    who = _app(request, form["client_id"])
    if form.get("client_assertion"):
        _check_assertion(form)
    else:
        _check_secret(request, form)
    return Reply(
        200,
        {
            "token_type": "Bearer",
            "expires_in": identity.LIFETIME,
            "ext_expires_in": identity.LIFETIME,
            "access_token": identity.issue_token(request.azure.secrets.signing_key, who, _audience(form)),
        },
        {"cache-control": "no-store"},
    )


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
    if resource.rstrip("/") not in _AUDIENCES:
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
    if tenant.lower() != identity.TENANT_ID:
        raise _refusal(90002, "invalid_request", f"Tenant '{tenant}' not found. Check to make sure you have it right.")


def _form(request: Request) -> dict[str, str]:
    if request.length > _FORM_LIMIT:
        raise _refusal(90015, "invalid_request", "The request is too long.")
    return dict(parse_qsl(request.stream.read(request.length).decode(errors="replace")))


def _app(request: Request, client_id: str) -> Principal:
    apps = identity.principals(request.azure.store, "ServicePrincipal")
    found = next((one for one in apps if one.client_id == client_id.lower()), None)
    if found is None or found.client_id not in request.azure.secrets.client_secrets:
        raise _refusal(
            700016, "unauthorized_client", f"Application with identifier '{client_id}' was not found in the directory."
        )
    return found


def _check_secret(request: Request, form: dict[str, str]) -> None:
    if not form.get("client_secret"):
        raise _refusal(
            7000218,
            "invalid_client",
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            401,
        )
    known = request.azure.secrets.client_secrets[form["client_id"].lower()]
    if not hmac.compare_digest(form["client_secret"].encode(), known.encode()):
        raise _refusal(7000215, "invalid_client", "Invalid client secret provided.", 401)


def _check_assertion(form: dict[str, str]) -> None:
    """A federated token must look like one and be in date; its issuer is believed, for there is nobody to ask."""
    if form.get("client_assertion_type") != _ASSERTION:
        raise _refusal(50027, "invalid_request", "The client assertion type is missing or unknown.")
    try:
        claims = identity.peek_token(form["client_assertion"])
    except identity.TokenError:
        raise _refusal(50027, "invalid_request", "JWT token is invalid or malformed.") from None
    expires = claims.get("exp")
    if isinstance(expires, int | float) and expires + identity.LEEWAY < SystemClock().now().timestamp():
        raise _refusal(700024, "invalid_client", "Client assertion is not within its valid time range.", 401)


def _audience(form: dict[str, str]) -> str:
    """The resource of a scope `<resource>/.default`; a resource that ends in a slash keeps it."""
    scope = form.get("scope", "").split(" ")[0]
    resource, default = scope.removesuffix("/.default"), "/.default"
    if not scope.endswith(default):
        raise _refusal(1002012, "invalid_scope", f"The provided value for scope {scope} is not valid.")
    if resource.rstrip("/") not in _AUDIENCES:
        raise _refusal(500011, "invalid_resource", f"The resource principal named {resource} was not found.")
    return resource
