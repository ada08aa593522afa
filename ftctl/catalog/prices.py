"""What training and hosting cost: a dated price book, and one's own before it. The unknown is None, never zero."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, Literal

import msgspec

from ftctl.core.errors import FtctlError, Problem, Where

VARIABLE = "FTCTL_PRICES"  # names a file of prices of one's own, or asks for Azure's retail prices

_RETAIL = "retail"  # instead of a file
_BOOK = Path(__file__).with_suffix(".toml")
_DATE = re.compile(r"-\d{4}-\d\d-\d\d$")
_TUNED = re.compile(r"\.ft-.*$")  # gpt-4.1-mini-2025-04-14.ft-0a1b…-tone

Unit = Literal["1M tokens", "hour"]


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one unit, and what that rests on."""

    usd: float
    unit: Unit
    source: str
    date: str
    verified: bool

    @property
    def basis(self) -> str:
        """`0.6 USD per 1M tokens (community table, 2026-02, not verified)`."""
        doubt = "" if self.verified else ", not verified"
        return f"{self.usd:g} USD per {self.unit} ({self.source}, {self.date}{doubt})"


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """Prices from one source."""

    source: str
    date: str
    models: dict[str, dict[Literal["standard", "globalStandard", "developerTier", "any"], float]]
    unit: Unit = "1M tokens"
    verified: bool = False


class _Hosting(msgspec.Struct, forbid_unknown_fields=True):
    """What a deployment of a fine-tuned model costs an hour by its type, from one source."""

    source: str
    date: str
    skus: dict[str, float]
    verified: bool = False


class _Book(msgspec.Struct, forbid_unknown_fields=True):
    prices: list[_Entry] = []
    hosting: list[_Hosting] = []


def training_price(model: str, training_type: str, *, own: Path | None = None) -> Price | None:
    """The price of training on a base model or a fine-tuned one; `own` is a price book that comes first."""
    base = base_of(model)
    names = dict.fromkeys((base, _DATE.sub("", base)))
    for path in (own, _BOOK) if own else (_BOOK,):
        for name in names:
            for entry in _book(path).prices:
                if found := _price(entry, entry.models.get(name, {}), training_type):
                    return found
    return None


def hosting_price(sku: str, *, own: Path | None = None) -> Price | None:
    """The price of an hour in which a fine-tuned model is deployed on a type; 0 where that is known to be free."""
    for path in (own, _BOOK) if own else (_BOOK,):
        for entry in _book(path).hosting:
            if sku in entry.skus:
                return Price(entry.skus[sku], "hour", entry.source, entry.date, entry.verified)
    return None


def base_of(model: str) -> str:
    """The base model of a fine-tuned one's id; a base model is its own."""
    return _TUNED.sub("", model)


def own_book(environ: Mapping[str, str]) -> Path | None:
    """The price book that the environment names."""
    return Path(environ[VARIABLE]) if environ.get(VARIABLE) and not asks_retail(environ) else None


def asks_retail(environ: Mapping[str, str]) -> bool:
    """Whether prices are to come from Azure's retail prices service."""
    return environ.get(VARIABLE) == _RETAIL


def _price(entry: _Entry, by_type: Mapping[Any, float], training_type: str) -> Price | None:
    usd = by_type.get(training_type, by_type.get("any"))
    return None if usd is None else Price(usd, entry.unit, entry.source, entry.date, entry.verified)


@cache
def _book(path: Path) -> _Book:
    try:
        book = msgspec.toml.decode(path.read_bytes(), type=_Book)
    except OSError as error:
        raise _refused(path, (error.strerror or "error").lower()) from None
    except ValueError as error:  # not TOML, or of another form
        raise _refused(path, str(error)) from None
    trained = (usd for entry in book.prices for by_type in entry.models.values() for usd in by_type.values())
    hosted = (usd for entry in book.hosting for usd in entry.skus.values())
    if not all(0 <= usd < inf for usd in (*trained, *hosted)):
        raise _refused(path, "a price is below zero or no number")
    return book


def _refused(path: Path, reason: str) -> FtctlError:
    return FtctlError(Problem("FT6011", f"{path} is no price book: {reason}", Where(str(path))))
