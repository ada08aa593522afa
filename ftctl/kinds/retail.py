"""Prices of one region: those of the price books, or Azure's retail prices where somebody asks for these."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ftctl.catalog.prices import Price, asks_retail, hosting_price, own_book, training_price

if TYPE_CHECKING:
    from ftctl.catalog.meters import Meters
    from ftctl.clients import Clients


@dataclass(frozen=True, slots=True)
class Prices:
    """`meters` are Azure's retail prices, where they were asked for; `lost` says why those could not be read.

    With meters, the book still tells what stands in Microsoft's documentation; what is hearsay in it no longer counts.
    """

    own: Path | None = None
    meters: Meters | None = None
    lost: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        if not self.lost:
            return ()
        return (f"Azure's retail prices could not be read ({self.lost}), so the price is the price book's",)

    @property
    def missing(self) -> str:
        """Why there may be no price, in words that follow `no price for …`."""
        return f": no meter in the retail prices of {self.meters.region} is surely its own" if self.meters else ""

    def training(self, model: str, training_type: str) -> Price | None:
        found = self.meters.training(model, training_type) if self.meters else None
        return found or self._told(training_price(model, training_type, own=self.own))

    def hosting(self, model: str, sku: str) -> Price | None:
        found = self.meters.hosting(model, sku) if self.meters else None
        return found or self._told(hosting_price(sku, own=self.own))

    def _told(self, price: Price | None) -> Price | None:
        return None if self.meters and price and not price.verified else price


def prices_of(clients: Clients, location: str) -> Prices:
    """The prices of a region, as the environment asks for them."""
    if not asks_retail(os.environ):
        return Prices(own_book(os.environ))
    from ftctl.catalog.clouds import CLOUDS  # noqa: PLC0415  only where it is asked
    from ftctl.catalog.meters import read  # noqa: PLC0415  the same
    from ftctl.catalog.training import region as normal  # noqa: PLC0415  the same
    from ftctl.clients.errors import AzureError  # noqa: PLC0415  the same

    cloud, region = clients.cloud, normal(location)
    if not cloud.retail_prices:
        return Prices(lost="this cloud names no such service")
    try:
        items = clients.retail_meters(region)
    except AzureError as error:
        return Prices(lost=error.problem.what.rstrip("."))
    real = cloud.retail_prices == CLOUDS["public"].retail_prices
    source = "Azure's retail prices" if real else f"retail prices of the cloud {cloud.name}"
    return Prices(meters=read(items, region, source=source, today=f"{clients.clock.now():%Y-%m-%d}", verified=real))
