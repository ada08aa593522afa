"""The retail price list, so that its clients have something to read: figures of ours, which are nobody's prices."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import urlencode

from ftctl.local import arm, catalog
from ftctl.local.wire import Plane, Reply, Request, route

AS_OF = "2026-03-01T00:00:00Z"
NOTICE = "Figures of the local Azure for tests, as of March 2026. They are not Microsoft's prices."
_PAGE = 100
_SPACE = uuid.UUID("6f1d6f0c-6b1e-4c8e-9d3a-5f7a1c2b3d4e")
_FIELDS = [
    "currencyCode",
    "armRegionName",
    "armSkuName",
    "location",
    "meterId",
    "meterName",
    "productId",
    "productName",
    "skuId",
    "skuName",
    "serviceName",
    "serviceId",
    "serviceFamily",
    "unitOfMeasure",
    "type",
    "priceType",
    "effectiveStartDate",
]
_TERM = re.compile(
    r"\s*(?:(?P<field>\w+)\s+(?P<sign>eq|ne)\s+|(?P<function>contains|startswith|endswith)\((?P<inside>\w+),\s*)"
    r"'(?P<text>(?:[^']|'')*)'(?P<close>\)?)\s*",
    re.IGNORECASE,
)
_JOIN = re.compile(r"(and|or)\b", re.IGNORECASE)
# Dollars for a million training tokens: regional, global, developer; and for a million tokens in and out.
_FIGURES = {
    "gpt-4.1": (27.5, 25.0, 12.5, 2.0, 8.0),
    "gpt-4.1-mini": (5.5, 5.0, 2.5, 0.4, 1.6),
    "gpt-4.1-nano": (1.65, 1.5, 0.75, 0.1, 0.4),
    "gpt-4o": (27.5, 25.0, 12.5, 2.5, 10.0),
    "gpt-4o-mini": (3.3, 3.0, 1.5, 0.15, 0.6),
}
_HOSTING = 1.7  # dollars an hour; the developer tier has none
_DATES = {"gpt-4o": "0806", "gpt-4o-mini": "0718"}  # of models whose older meters have one, and are written otherwise
_TYPES = ("fineTune", "globalFineTune", "devTierFineTune")

Item = dict[str, Any]
Test = Callable[[Item], bool]


@route("GET", "/api/retail/prices", plane=Plane.OPEN)
def prices(request: Request) -> Reply:
    """One page of what the filter lets through."""
    currency = request.query.get("currencyCode", "USD").strip("'\"").upper()
    if currency != "USD":
        raise arm.invalid(f"The local Azure has figures in USD alone, not in {currency}.", "BadRequest")
    wanted = _filter(request.query.get("$filter", ""))
    skip, top = (_number(request, name, default) for name, default in (("$skip", 0), ("$top", _PAGE)))
    found = [item for item in _items() if wanted(item)]
    page = found[skip : skip + min(top, _PAGE)]
    more = skip + len(page) < len(found) and len(page) == _PAGE
    rest = urlencode({**request.query, "$skip": skip + _PAGE}, safe="$")
    return Reply(
        200,
        {
            "BillingCurrency": "USD",
            "CustomerEntityId": "Default",
            "CustomerEntityType": "Retail",
            "Notice": NOTICE,
            "Items": page,
            "NextPageLink": f"{request.base_url}/api/retail/prices?{rest}" if more else None,
            "Count": len(page),
        },
    )


@cache
def _items() -> tuple[Item, ...]:
    return tuple(_listed())


def _listed() -> Iterator[Item]:
    for base in catalog.MODELS:
        figures = _FIGURES.get(base.name)
        if figures is None:
            continue
        for flag, dollars in zip(_TYPES, figures, strict=False):
            for region in sorted(base.training.get(flag, ())):
                yield _item(_training(base.name, flag), region, dollars / 1000, "1K")
        for sku in (one for one in base.skus if one.tuned and one.name in {"Standard", "GlobalStandard"}):
            scope = "regional" if sku.name == "Standard" else "global"
            for region in sorted(sku.regions):
                yield _item(f"{base.name}-ft hosting {scope}", region, _HOSTING, "1 Hour")
                yield _item(f"{base.name}-ft input {scope}", region, figures[3] / 1000, "1K")
                yield _item(f"{base.name}-ft output {scope}", region, figures[4] / 1000, "1K")


def _training(model: str, flag: str) -> str:
    """The three ways in which meters of training have been seen to be written."""
    if flag == "devTierFineTune":
        return f"{model.replace('-', ' ')} dev ft training glbl"
    if model in _DATES:
        return f"{model}-{_DATES[model]}-FT-Trng-{'regnl' if flag == 'fineTune' else 'glbl'}"
    return f"{model} FT Training {'regional' if flag == 'fineTune' else 'global'}"


def _item(meter: str, region: str, dollars: float, unit: str) -> Item:
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": dollars,
        "unitPrice": dollars,
        "armRegionName": region,
        "location": region,
        "effectiveStartDate": AS_OF,
        "meterId": str(uuid.uuid5(_SPACE, f"{meter}|{region}")),
        "meterName": f"{meter} Tokens" if unit == "1K" else f"{meter} Unit",
        "productId": "LOCAL",
        "skuId": "LOCAL",
        "productName": "Azure OpenAI",
        "skuName": meter,
        "serviceName": "Cognitive Services",
        "serviceId": "LOCAL",
        "serviceFamily": "AI + Machine Learning",
        "unitOfMeasure": unit,
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": meter,
        "notice": NOTICE,
    }


def _filter(text: str) -> Test:
    """Comparisons joined by `and`, which binds closer, and `or`; there are no parentheses."""
    if not text.strip():
        return lambda _item: True
    either: list[list[Test]] = [[]]
    rest = text
    while True:
        matched = _TERM.match(rest)
        if not matched:
            raise _bad(text)
        either[-1].append(_test(matched, text))
        rest = rest[matched.end() :]
        if not rest:
            return lambda item: any(all(one(item) for one in tests) for tests in either)
        join = _JOIN.match(rest)
        if not join:
            raise _bad(text)
        if join[1].lower() == "or":
            either.append([])
        rest = rest[join.end() :]


def _test(matched: re.Match[str], text: str) -> Test:
    field, wanted = matched["field"] or matched["inside"], matched["text"].replace("''", "'")
    if field not in _FIELDS or bool(matched["close"]) != bool(matched["function"]):
        raise _bad(text)
    field = "type" if field == "priceType" else field
    match (matched["sign"] or matched["function"]).lower():
        case "eq":
            return lambda item: item[field] == wanted
        case "ne":
            return lambda item: item[field] != wanted
        case "contains":
            return lambda item: wanted in item[field]
        case "startswith":
            return lambda item: str(item[field]).startswith(wanted)
        case _:
            return lambda item: str(item[field]).endswith(wanted)


def _bad(text: str) -> Exception:
    return arm.invalid(f"The filter '{text}' is not supported.", "BadRequest")


def _number(request: Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise arm.invalid(f"The query parameter '{name}' must be a number.", "BadRequest")
    return int(text)
