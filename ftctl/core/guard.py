"""What stops a plan although it could be done: deleting what is protected, and budgets that it could exceed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ftctl.core.changes import Action, Change, paid_once
from ftctl.core.errors import Problem
from ftctl.core.estimate import CURRENCY, Budget, Estimate, Span, told, total
from ftctl.core.model import Resource

GUARDS = frozenset({"FT3006", "FT3020", "FT3021", "FT3040", "FT3041", "FT3042", "FT3043", "FT3050", "FT3052"})
"""The codes of what no approval passes: where one of several stacks has such a problem, nothing is done in any."""

_NAMED = 3


def protected(changes: Iterable[Change], declared: Mapping[str, Resource]) -> Iterator[Problem]:
    """`protect`, declared here or applied before: a plan that would delete the thing is an error."""
    for change in changes:
        resource = declared.get(change.key)
        if change.action is Action.DELETE and (resource or (change.live and change.live.protected)):
            yield Problem(
                "FT3006",
                f"{change.address} is protected, and this plan would delete it",
                resource.place("protect") if resource else None,
                why="`protect: true` makes every plan that deletes it an error, with `--auto-approve` too.",
                fix="Declare it with `protect: false` and apply that reviewed change first.",
            )


def over_budget(trainings: Iterable[Change], budgets: Iterable[Budget]) -> Iterator[Problem]:
    """What speaks against a plan's trainings: the high end over a budget, or a cost that nobody knows beside one."""
    found = list(trainings)
    for budget in budgets:
        held = paid_once(found) if budget.of is None else [one for one in found if one.address.declared == budget.of]
        if held and (problem := _problem(held, budget)):
            yield problem


def _problem(held: Sequence[Change], budget: Budget) -> Problem | None:
    sum_ = total(change.estimate for change in held)
    allowed = f"{budget.name} allows {budget.amount:,g} {CURRENCY}"
    if sum_.cost and not budget.spent + sum_.cost.high <= budget.amount:  # a limit that is no number allows nothing
        before = f", after {told(Span.of(budget.spent))} for other stacks" if budget.spent else ""
        return Problem(
            "FT3020",
            f"{_listed(held)} could cost {told(sum_.cost)}{before}, and {allowed}",
            budget.where,
            why=" ".join(_basis(change) for change in held[:_NAMED] if change.estimate and change.estimate.cost),
            fix=_cheaper(held, budget),
        )
    if sum_.unknown:
        unknown = [change for change in held if not (change.estimate and change.estimate.cost)]
        return Problem(
            "FT3021",
            f"{_listed(unknown)} would cost nobody knows what, and {allowed}",
            budget.where,
            why=" ".join(_reason(change) for change in unknown[:_NAMED]),
            fix="Name a price book with the missing price in FTCTL_PRICES, or take the limit away.",
        )
    return None


def _listed(changes: Sequence[Change]) -> str:
    more = len(changes) - _NAMED
    if more > 0 and len(of := {change.address.declared for change in changes}) == 1:
        return f"training {len(changes)} jobs of {of.pop()}"
    named = ", ".join(str(change.address) for change in changes[:_NAMED])
    return f"training {named}{f' and {more} more' if more > 0 else ''}"


def _basis(change: Change) -> str:
    """`job/tone: 12,300 tokens at 0.6 USD per 1M tokens (…).`"""
    estimate = change.estimate or Estimate(unknown="not estimated")
    if estimate.hours:
        amount = f"{estimate.hours.high:,.3g} hours"
    else:
        amount = f"{estimate.tokens.high:,.0f} tokens" if estimate.tokens else "what it is billed"
    notes = "".join(f"; {note}" for note in estimate.notes)
    return f"{change.address}: at most {amount} at {estimate.price}{notes}."


def _reason(change: Change) -> str:
    return f"{change.address}: {change.estimate.unknown if change.estimate else 'nothing is known of its cost'}."


def _cheaper(held: Sequence[Change], budget: Budget) -> str:
    spans = [change.estimate.epochs for change in held if change.estimate and change.estimate.epochs]
    chosen = any(epochs.low != epochs.high for epochs in spans)
    first = "Say how many epochs with `n_epochs`" if chosen else "Train fewer epochs or on less data"
    return f"{first}, or allow more with {budget.name}."
