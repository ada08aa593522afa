"""What a training job may cost and take: from its data, its price, and how long earlier trainings of its model took."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ftctl.catalog.prices import Price, base_of, own_book, training_price
from ftctl.core.estimate import Estimate, Span
from ftctl.core.model import Address, Health, Live, Resource
from ftctl.kinds import recipe

if TYPE_CHECKING:
    from ftctl.data.report import Report, Tokens
    from ftctl.kinds.job import JobSpec
    from ftctl.kinds.retail import Prices

_MILLION = 1_000_000
_NEAREST = 3  # earlier trainings, those with the most similar number of tokens
_GUESSED, _OTHER = Span(0.5, 2.0), Span(0.75, 1.33)  # tokens of a file in terms of how many were counted


def priced(spec: JobSpec, declared: Mapping[Address, Resource]) -> dict[str, Price | None]:
    """The price of a job's training, as a fact for `Resource.prepared`."""
    model = _model(spec, declared)
    return {"price": training_price(model, spec.training_type, own=own_book(os.environ)) if model else None}


def _model(spec: JobSpec, declared: Mapping[Address, Resource]) -> str:
    """The model, or for a job that goes on from another one, what that began with: their price is the same."""
    return recipe.beginning(spec, declared)


def estimated(
    resource: Resource,
    account: str,
    declared: Mapping[Address, Resource],
    lives: Iterable[Live],
    prices: Prices | None = None,
) -> Estimate:
    """The estimate of one job. Pure: what it reads of files was prepared, what it reads of Azure observed.

    `prices` are those of the job's region, once they were looked up; before, those of the price book stand in.
    """
    spec: JobSpec = resource.spec
    price: Price | None = resource.prepared.get("price")
    data = declared.get(Address("dataset", spec.training))
    report: Report | None = data.prepared.get("report") if data else None
    model, hourly = _model(spec, declared), recipe.name_of(spec.method) == "reinforcement"
    if prices:
        price = prices.training(model, spec.training_type)
    missing, priced_by = (prices.missing, prices.notes) if prices else ("", ())
    once, epochs, notes = _amounts(report, spec, model)
    tokens = once * epochs if once and epochs and not hourly else None
    earlier = _earlier(spec, model, account, lives)
    seconds = _seconds(earlier, tokens)
    if hourly or (price and price.unit == "hour"):
        found = _by_the_hour(_no_price(spec, model, missing), price, seconds, min(len(earlier), _NEAREST))
        return replace(found, notes=(*found.notes, *priced_by))
    cost = tokens * Span.of(price.usd / _MILLION) if tokens and price else None
    unknown = "" if cost else _no_tokens(spec) if tokens is None else _no_price(spec, model, missing)
    basis = price.basis if price else ""
    return Estimate(
        cost, once=once, epochs=epochs, tokens=tokens, price=basis, notes=(*notes, *priced_by),
        seconds=seconds, earlier=min(len(earlier), _NEAREST), unknown=unknown,
    )  # fmt: skip


def one_pass(resource: Resource, declared: Mapping[Address, Resource]) -> Span | None:
    """The tokens that one pass over a job's data is billed; None where they were not counted."""
    data = declared.get(Address("dataset", resource.spec.training))
    report: Report | None = data.prepared.get("report") if data else None
    return _once(report.tokens, _model(resource.spec, declared))[0] if report and report.tokens else None


def _amounts(report: Report | None, spec: JobSpec, model: str) -> tuple[Span | None, Span | None, tuple[str, ...]]:
    """The tokens of one pass, the epochs, and what makes either of them a range."""
    from ftctl.data.stats import likely_epochs, possible_epochs  # noqa: PLC0415  only where there is data

    chosen = spec.hyperparameters.n_epochs
    epochs = Span.of(chosen) if isinstance(chosen, int) else None
    if report is None:
        return None, epochs, ()
    once, notes = _once(report.tokens, model) if report.tokens else (None, ())
    if epochs is None:
        fewest, most = possible_epochs(report.sound)
        epochs = Span(fewest, most)
        likely = likely_epochs(report.sound)
        chosen_from = f"{fewest} to {most}" if fewest < most else f"{most}"
        notes = (*notes, f"Azure chooses the epochs: {chosen_from} by OpenAI's rule of thumb, likely {likely}")
    return once, epochs, notes


def _once(tokens: Tokens, model: str) -> tuple[Span, tuple[str, ...]]:
    """The tokens that one pass is billed: a range where some are estimates, or another tokenizer counted them."""
    from ftctl.data.tokens import ESTIMATE, exact  # noqa: PLC0415  only where there is data

    billed = sum(length * number for length, number in tokens.billed.items())
    guessed = min(tokens.estimated, billed)
    span = Span(billed - guessed, billed + guessed)
    notes = (f"{guessed:,} tokens of a pass are guesses, for tools and images",) if guessed else ()
    if tokens.encoding == ESTIMATE:
        return span * _GUESSED, (*notes, "without a tokenizer, four bytes are taken for a token")
    if not exact(model):
        return span * _OTHER, (*notes, f"counted as {tokens.encoding}, not with the model's own tokenizer")
    return span, notes


def _no_tokens(spec: JobSpec) -> str:
    return f"the tokens of dataset/{spec.training} were not counted"


def _no_price(spec: JobSpec, model: str, missing: str) -> str:
    return f"no price for {model} ({spec.training_type}){missing}" if model else "its model is another job's"


def _by_the_hour(no_price: str, price: Price | None, seconds: Span | None, earlier: int) -> Estimate:
    """Reinforcement is billed for the hours it takes: known from earlier trainings, if at all."""
    hours = seconds * Span.of(1 / 3600) if seconds else None
    if price is None or price.unit != "hour":
        return Estimate(seconds=seconds, earlier=earlier, unknown=f"{no_price}, which is billed by the hour")
    if hours is None:
        reason = f"it is billed by the hour, at {price.basis}, and no earlier training says how many"
        return Estimate(price=price.basis, unknown=reason)
    notes = ("the time of earlier trainings, waiting included", "a grader's tokens come on top")
    cost = hours * Span.of(price.usd)
    return Estimate(cost, hours=hours, price=price.basis, notes=notes, seconds=seconds, earlier=earlier)


# --- time


def _earlier(spec: JobSpec, model: str, account: str, lives: Iterable[Live]) -> list[tuple[float, int | None]]:
    """How long finished trainings of the same model and method in the account took, and their billed tokens."""
    return list(_durations(recipe.name_of(spec.method), model, account, lives)) if model else []


def _durations(method: str, base: str, account: str, lives: Iterable[Live]) -> Iterator[tuple[float, int | None]]:
    for live in lives:
        model, finished = live.fields.get("model"), live.raw.get("finished_at")
        same = isinstance(model, str) and base_of(model) == base_of(base)
        same = same and live.fields.get("method") == method and live.within == account
        if same and live.health is Health.READY and finished and finished > live.created > 0:
            tokens = live.raw.get("trained_tokens")
            yield float(finished) - live.created, tokens if isinstance(tokens, int) and tokens > 0 else None


def _seconds(earlier: list[tuple[float, int | None]], tokens: Span | None) -> Span | None:
    """Between as long as they took and as long in proportion: a part is fixed, a part grows with the tokens."""
    if not earlier:
        return None
    middle = (tokens.low + tokens.high) / 2 if tokens else 0.0
    nearest = sorted(earlier, key=lambda one: abs((one[1] or 0) - middle))[:_NEAREST]
    ends = [end for took, billed in nearest for end in _ends(took, billed, tokens)]
    return Span(round(min(ends), 3), round(max(ends), 3))  # no more is known of it, and sums stay the same in JSON


def _ends(took: float, billed: int | None, tokens: Span | None) -> tuple[float, ...]:
    if not (billed and tokens):
        return (took,)
    return took, took * tokens.low / billed, took * tokens.high / billed
