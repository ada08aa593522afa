"""What is declared and how it is in Azure, as text and for machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.digest import plain
from ftctl.core.events import Watched
from ftctl.core.model import Address, Health
from ftctl.render.look import Look, Style, clean, padded, width_of
from ftctl.render.values import shortened
from ftctl.render.watched import sentence, watched_json

MISSING = "missing"

_MARKS = {
    Health.READY.value: ("✓", "+", Style.GREEN),
    Health.PENDING.value: ("⏳", "...", Style.CYAN),
    Health.FAILED.value: ("✗", "x", Style.BOLD),
    Health.CANCELLED.value: ("✗", "x", Style.DIM),
    MISSING: ("-", "-", Style.DIM),
}
_LONGEST = 40  # of addresses in a column
# Outputs that say what one can do with a thing.
_SHOWN = ("model", "endpoint", "id", "status", "step", "conditions", "picked", "ranking")
_AS_IT_SHOULD_BE = {Action.NOOP, Action.CREATE, Action.WAIT, Action.JUDGE}


Far = Mapping[Address, Watched]  # how far the things are that are on their way
_NOTHING: Far = {}


def status_text(plan: Plan, look: Look, far: Far = _NOTHING) -> str:
    """A line for each thing: address, health, Azure name, what it serves, how far it is, and what differs."""
    if not plan.changes:
        return f"{clean(plan.home.stack)} declares nothing, and nothing in Azure is its own."
    widths = [width_of(str(change.address)) for change in plan.changes]
    column = max((width for width in widths if width <= _LONGEST), default=0) + 2
    lines = [look.paint(f"{clean(plan.home.stack)} in {clean(plan.home.group)}", Style.BOLD)]
    for change in plan.changes:
        state = health(change)
        symbol, ascii_, style = _MARKS[state]
        name = padded(f"{change.address}  ", column)
        head = f"  {padded(look.pick(symbol, ascii_), 4)}{name}{padded(state, 9)}"
        words = _words(change, look, far.get(change.address))
        told = [f"{head} {words}".rstrip()]
        if width_of(told[0]) > look.width:
            told = [head.rstrip(), *look.wrap(words, " " * 8)]
        lines += [look.paint(told[0], style) if state != Health.READY else told[0], *told[1:]]
    return "\n".join(lines)


def status_json(plan: Plan, far: Far = _NOTHING) -> dict[str, Any]:
    return {
        "stack": plan.home.stack,
        "resource_group": plan.home.group,
        "resources": [_row(change, far.get(change.address)) for change in plan.changes],
    }


def health(change: Change) -> str:
    return change.live.health.value if change.live else MISSING


def _row(change: Change, watched: Watched | None) -> dict[str, Any]:
    outputs = change.live.outputs if change.live else {}
    return {
        "address": str(change.address),
        "kind": change.kind,
        "name": _name(change),
        "health": health(change),
        "detail": change.live.detail if change.live else "",
        "as_declared": change.action is Action.NOOP and change.reason is not Reason.WITHHELD,
        "reason": change.reason.value,
        "outputs": {key: plain(outputs[key]) for key in _SHOWN if key in outputs},
        **({"watched": watched_json(watched)} if watched else {}),
    }


def _name(change: Change) -> str:
    return (change.live.name if change.live else "") or change.name


def _words(change: Change, look: Look, watched: Watched | None) -> str:
    """Name, model, how far it is and what is not as it should be, in that order."""
    live = change.live
    if change.kind in {"gate", "pick"}:
        return _judgement(change)
    name = shortened(clean(_name(change)), look)
    parts = [name] if name and name != change.address.name else []
    if live and live.outputs.get("model"):
        parts.append(f"{'model' if live.kind == 'job' else 'serves'} {clean(str(live.outputs['model']))}")
    if watched:
        parts.append(sentence(watched, look))
    elif live and live.health is not Health.READY and live.detail:
        parts.append(clean(live.detail))
    if live and change.reason in {Reason.UNDECLARED, Reason.FORGOTTEN}:
        parts.append("no longer declared")
    elif change.noted or change.action not in _AS_IT_SHOULD_BE:
        parts.append(str(change.reason))
    return ", ".join(parts)


def _judgement(change: Change) -> str:
    """What a gate let pass or refused with its numbers, or what it will ask."""
    live = change.live
    if live is None:
        return clean("; ".join(change.because))
    return clean("; ".join(filter(None, [live.name if live.health is Health.READY else "", live.detail])))
