"""Azure's retail prices of fine-tuning: which meter is for which model, where its name says so beyond doubt.

No list of Azure's ties a model to its training meter, so names are all there is: `gpt-4.1-nano FT Training global
Tokens`, `gpt 4.1 mini dev ft training glbl Tokens`, `gpt-4o-0806-FT-Trng-glbl tkn Tokens`. A meter counts if every word
of its name is understood; of one that is not, nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

from ftctl.catalog.prices import Price, Unit, base_of

_GAPS = re.compile(r"[\s-]+")
_DATED = re.compile(r"-\d{4}-(\d\d)-(\d\d)$")
_MONTH_AND_DAY = re.compile(r"\d{4}$")
_PURPOSES = {"training": "training", "trng": "training", "hosting": "hosting", "hstng": "hosting"}
_SCOPES = {"global": "globalStandard", "glbl": "globalStandard", "regional": "standard", "regnl": "standard"}
_SAYS_NOTHING = {"tokens", "tkn", "unit", "1k", "1m"}
_SKUS = {"Standard": "standard", "GlobalStandard": "globalStandard"}
_UNITS: Mapping[str, tuple[Unit, float]] = {  # of a million tokens or an hour, in terms of theirs
    "1k": ("1M tokens", 1000.0),
    "1ktokens": ("1M tokens", 1000.0),
    "1m": ("1M tokens", 1.0),
    "1mtokens": ("1M tokens", 1.0),
    "1hour": ("hour", 1.0),
}


class Paid(NamedTuple):
    """What a meter is for. `version` is a model's month and day, empty for all of them."""

    model: str
    version: str
    purpose: str
    type: str


@dataclass(frozen=True, slots=True)
class Meters:
    """The prices of one region."""

    region: str
    prices: Mapping[Paid, Price]

    def training(self, model: str, training_type: str) -> Price | None:
        return self._price(model, "training", training_type)

    def hosting(self, model: str, sku: str) -> Price | None:
        return self._price(model, "hosting", _SKUS.get(sku, ""))

    def _price(self, model: str, purpose: str, type_: str) -> Price | None:
        base = base_of(model).lower()
        dated = _DATED.search(base)
        name = _GAPS.sub("", _DATED.sub("", base))
        versions = ("".join(dated.groups()), "") if dated else ("",)
        return next((found for one in versions if (found := self.prices.get(Paid(name, one, purpose, type_)))), None)


def read(items: Iterable[Mapping[str, Any]], region: str, *, source: str, today: str, verified: bool) -> Meters:
    """The prices among the items of the retail prices service that are in effect `today` (`2026-11-22`).

    Two meters for one thing that have different prices from the same day on are none: nobody knows which is meant.
    """
    found: dict[Paid, dict[str, set[Price]]] = {}
    for item in items:
        name, since = str(item.get("meterName") or ""), str(item.get("effectiveStartDate") or "")[:10]
        paid, cost = meant(name), _cost(item)
        if paid and cost and since <= today and item.get("armRegionName") == region:
            price = Price(cost[0], cost[1], f"{source}, {region}, meter {name!r}", since, verified)
            found.setdefault(paid, {}).setdefault(since, set()).add(price)
    newest = {paid: by_day[max(by_day)] for paid, by_day in found.items()}
    return Meters(region, {paid: min(prices, key=str) for paid, prices in newest.items() if _agree(prices)})


def _agree(prices: set[Price]) -> bool:
    return len({(price.usd, price.unit) for price in prices}) == 1


def meant(name: str) -> Paid | None:
    """What the meter of a name is for; None where a word of it is not understood."""
    words = _GAPS.split(name.strip().lower())
    if "ft" not in words:
        return None
    before = words[: words.index("ft")]
    after = [word for word in words[len(before) + 1 :] if word not in _SAYS_NOTHING]
    developer = before[-1:] == ["dev"]
    before = before[:-1] if developer else before
    version = before.pop() if before and _MONTH_AND_DAY.match(before[-1]) else ""
    purposes, scopes = [word for word in after if word in _PURPOSES], [word for word in after if word in _SCOPES]
    if not before or len(purposes) != 1 or len(scopes) != 1 or len(after) != 2:  # noqa: PLR2004  one of each
        return None
    type_ = _SCOPES[scopes[0]]
    if developer:
        type_ = "developerTier" if type_ == "globalStandard" else ""
    return Paid("".join(before), version, _PURPOSES[purposes[0]], type_) if type_ else None


def _cost(item: Mapping[str, Any]) -> tuple[float, Unit] | None:
    """US dollars for a million tokens or an hour. A price of nothing is none: the service has such lines."""
    usd, unit = item.get("retailPrice"), _UNITS.get(_GAPS.sub("", str(item.get("unitOfMeasure") or "").lower()))
    plain = item.get("type") == "Consumption" and not item.get("tierMinimumUnits") and item.get("currencyCode") == "USD"
    if not (plain and unit and isinstance(usd, int | float) and isfinite(usd) and usd > 0):
        return None
    return round(float(usd) * unit[1], 9), unit[0]  # 0.0015 times a thousand is 1.5, not a hair beside it
