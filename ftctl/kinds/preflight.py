"""Whether a training can be begun where it is declared: by the region's own list of models, or the dated catalogue.

The region's list is the service's word of today, and what it offers passes. The catalogue stands in where the list
cannot be read; of regions that nobody looked at it says nothing (`unverified`). Which model learns by which method
stands in no list, and the documentation disagrees with itself: that is a warning at most.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ftctl.core.errors import Problem
from ftctl.core.model import Finding, Home, Outlook, Resource, Standing
from ftctl.kinds.regions import read_or_why

if TYPE_CHECKING:
    from ftctl.catalog.training import Trainable
    from ftctl.clients import Clients

# A training type's flag in the lists; `finetuneCapabilities` stands beside `fineTune` alone, and is not needed.
_FLAGS = {"standard": "fineTune", "globalStandard": "globalFineTune", "developerTier": "devTierFineTune"}
_NAMED = 4  # regions
SOON = timedelta(days=90)  # before a model's last day, from which on a plan says so


@dataclass(frozen=True, slots=True)
class Offer:
    """What a region's list says of one model."""

    types: frozenset[str]
    training_end: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A region's list on a day; `models` is None where it could not be read."""

    today: date
    models: Mapping[str, Offer] | None = None
    region: str = ""

    @property
    def basis(self) -> str:
        return "the region's list of models"


def listed(clients: Clients, home: Home, location: str) -> Listed:
    """Ask a region once; whoever may not read it goes by the catalogue."""
    today = clients.clock.now().date()
    found, _ = read_or_why(lambda: _offers(clients.models(home.subscription, location)))
    return Listed(today, found, location)


def _offers(items: Sequence[Mapping[str, Any]]) -> dict[str, Offer]:
    found: dict[str, Offer] = {}
    for item in items:
        model = item.get("model") or {}
        for name in _names(model):
            former = found.get(name, Offer(frozenset()))  # each model stands there once for each kind of account
            found[name] = Offer(former.types | _types(model), former.training_end or _end(model))
    return found


def _names(model: Mapping[str, Any]) -> Iterator[str]:
    """What a job may call it: by name and version, open weights by the name alone."""
    name, version = str(model.get("name") or "").lower(), str(model.get("version") or "").lower()
    yield f"{name}-{version}"
    if model.get("format") != "OpenAI":
        yield name


def _types(model: Mapping[str, Any]) -> frozenset[str]:
    said = model.get("capabilities") or {}
    return frozenset(kind for kind, flag in _FLAGS.items() if str(said.get(flag, "")).lower() == "true")


def _end(model: Mapping[str, Any]) -> str:
    return str((model.get("deprecation") or {}).get("fineTune") or "")[:10]


def outlook(resource: Resource, base: str, location: str, known: Listed | None) -> Outlook:
    """All findings; one that fails blocks, and says where or how else it would do."""
    from ftctl.catalog.training import region, trainable  # noqa: PLC0415  a plan of nothing new needs none
    from ftctl.kinds.recipe import name_of  # noqa: PLC0415  it imports what the graders need

    spec, where = resource.spec, region(location)
    book = trainable(base, os.environ)
    place = _place(base, spec.training_type, where, book, known)
    findings = [place]
    if place.standing is not Standing.FAIL:
        findings += [*_retirement(base, book, known), _method(base, name_of(spec.method), book)]
    if place.standing is not Standing.FAIL:
        former = () if isinstance(spec.model, str) else (f"it goes on from what job/{spec.model.job} trains",)
        return Outlook(because=former, findings=tuple(findings))
    problem = Problem(
        "FT3030",
        f"{place.what} ({place.basis})",
        resource.place("trainingType") or resource.where,
        fix=_alternatives(base, spec.training_type, where, book, known),
    )
    return Outlook(problem=problem, findings=tuple(findings))


def _place(base: str, kind: str, where: str, book: Trainable | None, known: Listed | None) -> Finding:
    """Model × region × training type."""
    what = f"{base} cannot be trained in {where} with trainingType {kind}"
    if known and known.models is not None:
        offer = known.models.get(base.lower())
        if offer and kind in offer.types:
            return Finding("availability", Standing.PASS, f"{base} trains in {where} with {kind}", known.basis)
        return Finding("availability", Standing.FAIL, what if offer else f"{where} has no model {base}", known.basis)
    if book is None or where not in book.seen:
        unknown = f"whether {base} can be trained in {where} with {kind} is not known"
        return Finding("availability", Standing.UNVERIFIED, unknown, book.basis if book else "in no catalogue")
    if where in book.regions[kind]:
        return Finding("availability", Standing.PASS, f"{base} trained in {where} with {kind}", book.basis)
    return Finding("availability", Standing.FAIL, what, book.basis)


def _retirement(base: str, book: Trainable | None, known: Listed | None) -> Iterator[Finding]:
    """A model's last day of training. What is offered past it, or until soon, may be refused when it comes to it."""
    offer = known.models.get(base.lower()) if known and known.models is not None else None
    if known and offer and offer.training_end:
        end = _day(offer.training_end)
        still = f", and {spelled} still offers it" if (spelled := known.region) else ""
        yield _ending(base, end, known, known.basis, still) if end else _no_day(base, offer, known)
    elif book and known:
        yield _ending(base, book.training_end, known, book.basis)


def _ending(base: str, end: date, known: Listed, basis: str, still: str = "") -> Finding:
    if end < known.today:
        return Finding("retirement", Standing.WARN, f"training on {base} was to end on {end}{still}", basis)
    standing = Standing.WARN if end - known.today <= SOON else Standing.PASS
    return Finding("retirement", standing, f"training on {base} ends on {end}", basis)


def _no_day(base: str, offer: Offer, known: Listed) -> Finding:
    unknown = f"when training on {base} ends is not known"
    return Finding("retirement", Standing.UNVERIFIED, unknown, f"{known.basis} says {offer.training_end}")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _method(base: str, method: str, book: Trainable | None) -> Finding:
    """Model × method, which never blocks."""
    if book is None:
        unknown = f"whether {base} learns by {method} is not known"
        return Finding("method", Standing.UNVERIFIED, unknown, "in no catalogue")
    if method in book.methods:
        return Finding("method", Standing.PASS, f"{base} learns by {method}", book.basis)
    return Finding("method", Standing.WARN, f"{base} is not known to learn by {method}", book.basis)


def _alternatives(base: str, kind: str, where: str, book: Trainable | None, known: Listed | None) -> str:
    """The training types that would do here, and the regions that would do with this one."""
    offer = known.models.get(base.lower()) if known and known.models is not None else None
    here = offer.types if offer else frozenset(_in_book(book, where)) if not (known and known.models) else frozenset()
    types = [one for one in _FLAGS if one in here and one != kind]
    regions = sorted((book.regions[kind] if book else frozenset()) - {where})
    more = f" and {len(regions) - _NAMED} more" if len(regions) > _NAMED else ""
    said = [f"In {where} there is `trainingType: {'` or `'.join(types)}`." if types else ""]
    if book and regions:
        said.append(f"With {kind} it trains in {', '.join(regions[:_NAMED])}{more} ({book.basis}).")
    return " ".join(filter(None, said)) or "Choose a model that the region trains."


def _in_book(book: Trainable | None, where: str) -> Iterator[str]:
    return (kind for kind, regions in book.regions.items() if where in regions) if book else iter(())
