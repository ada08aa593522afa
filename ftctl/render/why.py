"""Why a field is as it is, and what was hidden as noise: in words for people, and as JSON there and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ftctl.core.changes import Change, Plan
from ftctl.core.digest import plain
from ftctl.core.errors import Where
from ftctl.core.noise import Noise, Suppressed
from ftctl.core.why import Source, Why
from ftctl.render.look import Look, Style, clean, counted
from ftctl.render.values import pair, shown

Json = Mapping[str, Any]
RULES = {
    Noise.CASE: "letters' case",
    Noise.REGION: "a region's spelling",
    Noise.RECIPE: "the same recipe by its name",
    Noise.CONTENT: "the same thing by its identity",
    Noise.AUTO: "auto, chosen by the service",
    Noise.SERVICE: "not declared, chosen by the service",
    Noise.UNREADABLE: "not readable",
    Noise.AZURE: "only Azure has it",
    Noise.IGNORED: "ignoreDrift",
}
_BODY = " " * 8


def why_text(why: Why) -> str:
    """In a few words: `declared at specs/tone.yaml:12`."""
    place = f"{clean(why.where.path)}:{why.where.line}" if why.where else ""
    upstream = clean(why.upstream)
    match why.source:
        case Source.DECLARED:
            return f"declared at {place}"
        case Source.FOLLOWS if "/" in upstream:
            return f"from {upstream}, named at {place}"
        case Source.FOLLOWS:
            return f"from `{upstream}` at {place}"
        case Source.UNKNOWN:
            return f"named at {place}" if place else ""  # the value itself says what it is known after
        case Source.DEFAULT:
            return "default of ftctl"
        case Source.AUTO:
            return f"auto at {place}: chosen by the service" if place else "auto: chosen by the service"
        case Source.SERVICE:
            return "chosen by the service"


def hidden(plan: Plan) -> list[tuple[Change, Suppressed]]:
    """Every difference that was hidden, with what it is a difference of."""
    return [(change, one) for change in plan.changes for one in change.suppressed]


def hint(plan: Plan, look: Look) -> list[str]:
    """One line about what is not as declared, and stays so; other noise is not worth it."""
    number = sum(one.rule is Noise.IGNORED for _, one in hidden(plan))
    if not number:
        return []
    told = f"{counted(number, 'field')} {'is' if number == 1 else 'are'} left alone (`ignoreDrift`)"
    said = f"{told}: `ftctl plan --show-suppressed` {'shows it' if number == 1 else 'lists them'}."
    return ["", *(look.paint(line, Style.DIM) for line in look.wrap(said, ""))]


def hidden_text(plan: Plan, look: Look) -> str:
    """Every difference that was hidden, and the rule that hid it."""
    lines, last = ["Hidden differences:" if hidden(plan) else "No differences are hidden."], None
    for change, one in hidden(plan):
        if change is not last:
            lines += ["", f"  {change.address}"]
            last = change
        lines += look.wrap(hidden_line(one, look), f"{_BODY}{clean(one.path)}: ", _BODY + "  ")
    return "\n".join(lines)


def hidden_line(one: Suppressed, look: Look) -> str:
    """One difference and its rule, without its path."""
    rule = RULES[one.rule]
    if one.rule in {Noise.AZURE, Noise.AUTO, Noise.SERVICE}:
        return f"{'(not shown)' if one.live is None else shown(one.live, look)} ({rule})"
    if one.rule is Noise.UNREADABLE:
        return f"declared {shown(one.declared, look)} ({rule})"
    live, declared = pair(one.live, one.declared, look)
    return f"{live}, declared {declared} ({rule})"


def hidden_rows(plan: Plan, look: Look) -> Iterator[tuple[str, str, str]]:
    """Address, path and what is hidden."""
    for change, one in hidden(plan):
        yield str(change.address), clean(one.path), hidden_line(one, look)


# --- JSON


def why_json(whys: Mapping[str, Why]) -> dict[str, Any]:
    return {
        path: {"source": why.source.value, "where": _where(why.where), "upstream": why.upstream or None}
        for path, why in whys.items()
    }


def why_of(content: Json) -> dict[str, Why]:
    return {
        path: Why(Source(one["source"]), _place(one["where"]), one["upstream"] or "") for path, one in content.items()
    }


def hidden_json(found: tuple[Suppressed, ...]) -> list[dict[str, Any]]:
    return [
        {"path": one.path, "live": plain(one.live), "declared": plain(one.declared), "rule": one.rule.value}
        for one in found
    ]


def hidden_of(content: list[Json]) -> tuple[Suppressed, ...]:
    return tuple(Suppressed(one["path"], one["live"], one["declared"], Noise(one["rule"])) for one in content)


def _where(where: Where | None) -> dict[str, Any] | None:
    return {"path": where.path, "line": where.line or None, "column": where.column or None} if where else None


def _place(one: Json | None) -> Where | None:
    return Where(one["path"], one["line"] or 0, one["column"] or 0) if one else None
