"""How a user of the local tenant signs in: without being asked anything, by code and refresh token."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import urlencode

from ftctl.local import identity
from ftctl.local.identity import Principal
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

_CODE, _REFRESH = "urn:ftctl:code", "urn:ftctl:refresh"  # audiences that nothing but the token endpoint takes
_CODE_LIFETIME, _REFRESH_LIFETIME = 600, 90 * 86_400
_LOOPBACK = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?(/[^\s#]*)?")


def refusal(number: int, code: str, message: str, status: int = 400) -> Refusal:
    """Entra's refusal, with its number in the text and beside it."""
    return Refusal(status, code, f"AADSTS{number}: {message}", error_codes=[number])


@route("GET", "/{tenant}/oauth2/v2.0/authorize", plane=Plane.ENTRA)
def authorize(request: Request) -> Reply:
    """Send the user that `login_hint` names (Ada where there is none) back to a program of this machine, signed in."""
    query = request.query
    if query.get("response_type") != "code":
        raise refusal(700054, "unsupported_response_type", "The response_type must be 'code'.")
    target = query.get("redirect_uri", "")
    if not _LOOPBACK.fullmatch(target):
        raise refusal(50011, "invalid_request", "The redirect URI is not one of this machine.")
    if not query.get("client_id"):
        raise refusal(900144, "invalid_request", "The request must contain the parameter 'client_id'.")
    hint = query.get("login_hint", identity.ADA.upn).lower()
    users = identity.principals(request.azure.store, "User")
    who = next((one for one in users if one.upn.lower() == hint), None)
    if who is None:
        raise refusal(50034, "invalid_grant", f"The user account '{hint}' does not exist in the directory.")
    code = identity.issue_token(
        request.azure.secrets.signing_key,
        who,
        _CODE,
        client_id=query["client_id"],
        lifetime=_CODE_LIFETIME,
        redirect=target,
        challenge=query.get("code_challenge", ""),
        method=query.get("code_challenge_method", "plain"),
        nonce=query.get("nonce", ""),
    )
    answer = {"code": code, "client_info": _client_info(who), "session_state": who.id}
    answer |= {"state": query["state"]} if "state" in query else {}
    return Reply(302, None, {"Location": f"{target}{'&' if '?' in target else '?'}{urlencode(answer)}"})


def by_code(request: Request, form: dict[str, str], audience: str) -> dict[str, Any]:
    """Tokens for a code, to the client that it was made for and that knows what the challenge was made of."""
    claims = _claims(request, form.get("code", ""), _CODE)
    if claims["appid"] != form["client_id"] or claims["redirect"] != form.get("redirect_uri"):
        raise refusal(500112, "invalid_grant", "The code was made for another client or another redirect URI.")
    verifier = form.get("code_verifier", "")
    if claims["challenge"] and claims["challenge"] != _challenge(verifier, str(claims["method"])):
        raise refusal(501481, "invalid_grant", "The Code_Verifier does not match the code_challenge.")
    return _tokens(request, claims, audience)


def by_refresh_token(request: Request, form: dict[str, str], audience: str) -> dict[str, Any]:
    claims = _claims(request, form.get("refresh_token", ""), _REFRESH)
    if claims["appid"] != form["client_id"]:
        raise refusal(700007, "invalid_grant", "The refresh token was issued to another client.")
    return _tokens(request, claims, audience)


def _claims(request: Request, token: str, audience: str) -> dict[str, Any]:
    try:
        claims = identity.read_token(request.azure.secrets.signing_key, token)
    except identity.TokenError as error:
        number = 700082 if error.reason == "expired" else 9002313
        raise refusal(number, "invalid_grant", f"The grant is {error.reason} or was not issued here.") from None
    if claims["aud"] != audience:
        raise refusal(9002313, "invalid_grant", "The grant is of another kind.")
    return claims


def _tokens(request: Request, claims: dict[str, Any], audience: str) -> dict[str, Any]:
    key, client = request.azure.secrets.signing_key, str(claims["appid"])
    who = identity.principal(request.azure.store, str(claims["oid"]))
    if who is None:
        raise refusal(50034, "invalid_grant", "The user account does not exist in the directory any more.")
    about = {"name": who.name, "preferred_username": who.upn, "nonce": claims.get("nonce", "")}
    return {
        "token_type": "Bearer",
        "scope": f"{audience}/.default openid profile offline_access",
        "expires_in": identity.LIFETIME,
        "ext_expires_in": identity.LIFETIME,
        "access_token": identity.issue_token(key, who, audience, client_id=client, upn=who.upn),
        "refresh_token": identity.issue_token(key, who, _REFRESH, client_id=client, lifetime=_REFRESH_LIFETIME),
        "id_token": identity.issue_token(key, who, client, client_id=client, **about),
        "client_info": _client_info(who),
    }


def _client_info(who: Principal) -> str:
    text = json.dumps({"uid": who.id, "utid": identity.TENANT_ID})
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _challenge(verifier: str, method: str) -> str:
    if method.upper() != "S256":
        return verifier
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
