"""Who there is in the local tenant: its principals, their secrets, and the tokens that prove who is calling."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import tempfile
import uuid
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftctl.core.clock import SystemClock
from ftctl.local.tls import write_private

if TYPE_CHECKING:
    from ftctl.local.store import Doc, Store

TENANT_ID = "00000000-0000-4000-8000-000000007e4a"
SUBSCRIPTION_ID = "00000000-0000-4000-8000-00000000f7c1"
LIFETIME = 3599  # seconds, as Entra's tokens for apps
LEEWAY = 60


def _guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


@dataclass(frozen=True, slots=True)
class Principal:
    """A user, group or service principal. `kind` is the principalType of role assignments."""

    id: str
    kind: str
    name: str
    client_id: str = ""  # of service principals
    upn: str = ""  # of users
    groups: tuple[str, ...] = field(default=())  # ids of the groups it is a direct member of

    def as_doc(self) -> Doc:
        return {"id": self.id, "kind": self.kind, "name": self.name, "clientId": self.client_id, "upn": self.upn} | {
            "groups": list(self.groups)
        }


ML_ENGINEERS = Principal(_guid(0x9001), "Group", "ml-engineers")
RELEASE_MANAGERS = Principal(_guid(0x9002), "Group", "release-managers")
ADA = Principal(_guid(0x8001), "User", "Ada Local", upn="ada@local.example", groups=(ML_ENGINEERS.id,))
LIN = Principal(_guid(0x8002), "User", "Lin Local", upn="lin@local.example", groups=(RELEASE_MANAGERS.id,))
FTCTL_LOCAL = Principal(_guid(0xA001), "ServicePrincipal", "ftctl-local", _guid(0xC001), groups=(ML_ENGINEERS.id,))
FTCTL_READER = Principal(_guid(0xA002), "ServicePrincipal", "ftctl-reader", _guid(0xC002))
CI_PIPELINE = Principal(_guid(0xA003), "ServicePrincipal", "ci-pipeline", _guid(0xC003))
MANAGED_IDENTITY = Principal(
    _guid(0xA004), "ServicePrincipal", "ftctl-managed", _guid(0xC004), groups=(ML_ENGINEERS.id,)
)
PRINCIPALS = (ML_ENGINEERS, RELEASE_MANAGERS, ADA, LIN, FTCTL_LOCAL, FTCTL_READER, CI_PIPELINE, MANAGED_IDENTITY)


def seed_principals(store: Store) -> None:
    for principal in PRINCIPALS:
        if store.get("principal", principal.id) is None:
            store.put("principal", principal.id, principal.as_doc())


def principal(store: Store, id_: str) -> Principal | None:
    return store.derived(("who", id_), lambda: _principal(store.get("principal", id_)))


def principals(store: Store, kind: str) -> list[Principal]:
    found = (_principal(doc) for doc in store.all("principal"))
    return [one for one in found if one and one.kind == kind]


def memberships(store: Store, who: Principal) -> set[str]:
    """Ids of `who` and of every group above, however deep."""
    return store.derived(("memberships", who), lambda: _memberships(store, who))


def _memberships(store: Store, who: Principal) -> set[str]:
    seen: set[str] = set()
    open_ = [who]
    while open_:
        one = open_.pop()
        if one.id in seen:
            continue
        seen.add(one.id)
        open_ += [group for id_ in one.groups if (group := principal(store, id_))]
    return seen


def _principal(doc: Doc | None) -> Principal | None:
    if doc is None:
        return None
    return Principal(doc["id"], doc["kind"], doc["name"], doc["clientId"], doc["upn"], tuple(doc["groups"]))


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What must not leave the folder: the token key, the apps' secrets, the managed identity's header."""

    signing_key: str
    identity_header: str
    client_secrets: dict[str, str]  # by client id

    @classmethod
    def make(cls) -> Secrets:
        clients = (one.client_id for one in PRINCIPALS if one.client_id and one is not MANAGED_IDENTITY)
        return cls(secrets.token_hex(32), secrets.token_hex(16), {one: secrets.token_urlsafe(30) for one in clients})

    @classmethod
    def ensure(cls, folder: Path | None) -> Secrets:
        """The folder's secrets, made at the first start; the first of two processes wins."""
        if folder is None:
            return cls.make()
        path = folder / "secrets.json"
        if not path.exists():
            _publish(path, cls.make())
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def _publish(path: Path, made: Secrets) -> None:
    aside = Path(tempfile.mkdtemp(prefix=".secrets-", dir=path.parent)) / path.name
    values = {name: getattr(made, name) for name in Secrets.__slots__}
    write_private(aside, json.dumps(values).encode())
    try:
        os.link(aside, path)  # unlike a rename this never overwrites
    except FileExistsError:
        pass
    finally:
        aside.unlink()
        aside.parent.rmdir()


def issue_token(
    key: str, who: Principal, audience: str, *, client_id: str = "", lifetime: int = 0, **claims: object
) -> str:
    """A signed token. Its lifetime is counted on the system clock, as clients count it; `claims` come on top."""
    now = int(SystemClock().now().timestamp())
    whole = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{TENANT_ID}/",
        "iat": now,
        "nbf": now,
        "exp": now + (lifetime or LIFETIME),
        "tid": TENANT_ID,
        "oid": who.id,
        "sub": who.id,
        "appid": client_id or who.client_id,
        "idtyp": "user" if who.kind == "User" else "app",
        "uti": uuid.uuid4().hex,
        "ver": "1.0",
        **claims,
    }
    head = _encode(json.dumps({"typ": "JWT", "alg": "HS256", "kid": "ftctl-local"}).encode())
    signed = f"{head}.{_encode(json.dumps(whole).encode())}"
    return f"{signed}.{_signature(key, signed)}"


class TokenError(Exception):
    """Why a token is not accepted: `reason` is malformed, signature or expired."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_token(key: str, token: str) -> dict[str, Any]:
    """The claims of a token that we signed and that has not expired."""
    claims = _signed_claims(key, token)
    if float(claims["exp"]) + LEEWAY < SystemClock().now().timestamp():
        raise TokenError("expired")
    return claims


@lru_cache(maxsize=256)
def _signed_claims(key: str, token: str) -> dict[str, Any]:
    """The claims of a token that we signed; nobody may change them. Clients send the same one again and again."""
    signed, _, signature = token.rpartition(".")
    claims = peek_token(token)
    # Bytes: compare_digest refuses strings with other than ASCII in them.
    if not hmac.compare_digest(_signature(key, signed).encode(), signature.encode(errors="replace")):
        raise TokenError("signature")
    return claims


def peek_token(token: str) -> dict[str, Any]:
    """The claims of a token as they stand, whoever signed it."""
    return _part(token, 1)


def peek_head(token: str) -> dict[str, Any]:
    """What a token says of its own signature."""
    return _part(token, 0)


def _part(token: str, place: int) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004  head, claims, signature
        raise TokenError("malformed")
    part = parts[place]
    try:
        claims = json.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise TokenError("malformed") from None
    if not isinstance(claims, dict):
        raise TokenError("malformed")
    return claims


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(key: str, signed: str) -> str:
    return _encode(hmac.new(key.encode(), signed.encode(errors="replace"), hashlib.sha256).digest())
