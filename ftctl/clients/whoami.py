"""Who is signed in, by what a token says of its holder; the token itself stays where it is."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

_PARTS = 3  # of a JSON web token


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The holder of a token: object id, tenant, a name or an application's id, groups, and the token's last seconds.

    All is empty where a token does not say it; `groups` is None where it does not say all.
    """

    id: str
    tenant: str
    name: str
    app: str
    seconds: float
    groups: frozenset[str] | None = None


def signed_in(token: str, seconds: float) -> SignedIn:
    """What a token says. Nothing is verified: that is the business of those who are shown it."""
    claims = _claims(token)
    groups = claims.get("groups")
    name = next((str(claims[key]) for key in ("upn", "preferred_username", "unique_name") if claims.get(key)), "")
    return SignedIn(
        str(claims.get("oid") or "").lower(),
        str(claims.get("tid") or "").lower(),
        name,
        str(claims.get("appid") or claims.get("azp") or ""),
        seconds,
        frozenset(map(str, groups)) if isinstance(groups, list) else None,
    )


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != _PARTS:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}
