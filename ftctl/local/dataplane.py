"""What the handlers of the data plane share: both routes at once, paging, and bodies without their private keys."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from ftctl.local import names
from ftctl.local.wire import Handler, Plane, Refusal, Reply, Request, route

RIGHTS = "Microsoft.CognitiveServices/accounts/OpenAI/"
Doc = dict[str, Any]


def both(method: str, path: str, action: str) -> Callable[[Handler], Handler]:
    """Register a handler on the dated route and on v1; `action` is the data action below the OpenAI ones."""

    def register(handler: Handler) -> Handler:
        for root in ("/openai", "/openai/v1"):
            route(method, root + path, plane=Plane.DATA, action=RIGHTS + action)(handler)
        return handler

    return register


def dated(method: str, path: str, action: str) -> Callable[[Handler], Handler]:
    """Register a handler on the dated route alone."""
    return route(method, f"/openai{path}", plane=Plane.DATA, action=RIGHTS + action)


def is_v1(request: Request) -> bool:
    return request.path.lower().startswith("/openai/v1/")


def account_of(request: Request) -> str:
    """The ARM id of the account that was called."""
    assert request.account is not None
    return str(request.account["id"])


def region_of(request: Request) -> str:
    assert request.account is not None
    return str(request.account["location"]).replace(" ", "").lower()


def public(doc: Doc) -> Doc:
    """A stored body as callers see it."""
    return {key: value for key, value in doc.items() if not key.startswith("_")}


def created(request: Request, body: Doc, *, beside: str = "") -> Reply:
    """The dated route answers 201 and says where the new thing is; v1 answers 200.

    It is below the path of the call, or below that of the collection `beside`.
    """
    if is_v1(request):
        return Reply(200, body)
    assert request.account is not None
    subdomain = request.account["properties"].get("customSubDomainName")
    path = f"/openai{beside}" if beside else request.path
    place = f"{names.endpoint(request.base_url, subdomain, region_of(request))}{path}/{body['id']}"
    return Reply(201, body, {"Location": f"{place}?api-version={request.query['api-version']}"})


def not_found(what: str) -> Refusal:
    return Refusal(404, "notFound", f"The {what} is not found.")


def invalid(message: str, param: str | None = None) -> Refusal:
    return Refusal(400, "invalidPayload", message, **({"param": param} if param else {}))


def not_emulated(what: str, param: str | None = None) -> Refusal:
    """For what the service knows and the local Azure does not do: said aloud rather than taken and dropped."""
    extra = {"param": param} if param else {}
    return Refusal(400, "notEmulated", f"The local Azure does not emulate {what} yet.", **extra)


def refuse_all(register: Callable[[Handler], Handler], what: str) -> None:
    """Answer routes that the service has with a refusal."""

    def unemulated(_request: Request) -> Reply:
        raise not_emulated(what)

    register(unemulated)


def number_in(request: Request, name: str, default: int, most: int) -> int:
    """A query parameter that is a number from 1 to `most`."""
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):  # noqa: PLR2004  int is unbounded
        raise invalid(f"The query parameter '{name}' must be a number from 1 to {most}.", name)
    return int(text)


def after_in(request: Request, docs: list[Doc]) -> list[Doc]:
    """Those of a whole list that come after the one which the query names."""
    after = request.query.get("after")
    if not after:
        return docs
    place = next((place for place, doc in enumerate(docs) if doc["id"] == after), None)
    if place is None:
        raise invalid("The query parameter 'after' names nothing in this list.", "after")
    return docs[place + 1 :]


def listed(items: list[Doc], *, more: bool) -> Reply:
    return Reply(200, {"object": "list", "data": items, "has_more": more})


def derived_id(prefix: str, *parts: object) -> str:
    """An id that follows from others, so that it need not be stored."""
    text = "|".join(map(str, parts))
    return f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"
