"""Azure's retail prices service: public, without sign-in."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ftctl.clients.errors import no_answer
from ftctl.clients.http import Http, body, host
from ftctl.clients.retry import Patience, Retry

_PATIENCE = Patience(first=1, longest=2, seconds=5, tries=2)  # there is a price book to go by
_LONGEST = 20.0  # seconds, throttling included
_MOST_PAGES = 200


def meters(http: Http, retry: Retry, url: str, region: str) -> list[dict[str, Any]]:
    """What Azure OpenAI costs in a region, all pages. No token goes there, and no page leads to another host."""
    named = region.replace("'", "''")
    params = {"$filter": f"armRegionName eq '{named}' and contains(productName, 'Azure OpenAI')"}
    items: list[dict[str, Any]] = []
    home, next_page = urlsplit(url), url
    for _ in range(_MOST_PAGES):
        page = retry(
            lambda: body(http.send("GET", next_page, params=params)),  # noqa: B023  called before either changes
            idempotent=True, deadline=_LONGEST, patience=_PATIENCE,
        )  # fmt: skip
        items += [item for item in page.get("Items") or [] if isinstance(item, dict)]
        next_page, params = str(page.get("NextPageLink") or ""), {}
        if not next_page:
            return items
        link = urlsplit(next_page)  # the service writes its port, :443, into it
        if (link.scheme, link.hostname) != (home.scheme, home.hostname):
            break
    what = f"{host(url)} sent a list whose pages lead elsewhere or never end."
    raise no_answer("FT2024", what, method="GET", sent=True)
