"""A plan as text for a terminal: what it means first, then every change with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.diff import FieldChange, leaves
from ftctl.core.errors import Severity
from ftctl.core.model import Address
from ftctl.core.why import Source
from ftctl.render.estimate import estimate_rows
from ftctl.render.headline import GRAVE, headline, meaning, scope
from ftctl.render.look import Look, Style, clean, counted, padded, width_of
from ftctl.render.preflight import preflight_lines
from ftctl.render.values import pair, shortened, shown
from ftctl.render.verbs import Verb, verb
from ftctl.render.why import hidden_text, hint, why_text

SYMBOLS = {  # symbol, in ASCII, style
    Verb.CREATE: ("+", "+", Style.GREEN),
    Verb.UPDATE: ("~", "~", Style.YELLOW),
    Verb.REPOINT: ("→", "->", Style.CYAN),
    Verb.TRAIN: ("$", "$", Style.MAGENTA),
    Verb.REPLACE: ("-/+", "-/+", Style.RED),
    Verb.DELETE: ("-", "-", Style.RED),
    Verb.CANCEL: ("-", "-", Style.RED),
    Verb.WAIT: ("⏳", "...", Style.CYAN),
    Verb.ADOPT: ("<", "<", Style.GREEN),
    Verb.FORGET: (">", ">", Style.CYAN),
    Verb.JUDGE: ("?", "?", Style.CYAN),
    Verb.BLOCKED: ("!", "!", Style.BOLD),
    Verb.NOOP: (" ", " ", Style.PLAIN),
}
_NOTED = {
    Reason.USED: "use",
    Reason.KEPT: "keep",
    Reason.LEFT: "keep",
}  # of what nothing is done about; else it is left
_AS_THEY_ARE = {Action.NOOP, Action.WAIT}  # their differences are told in words, as nothing is changed
_BODY = " " * 8
_NAMED = 3
_SCREEN = 24  # lines
_COLUMN = 26  # keys longer than this are not aligned


def plan_text(plan: Plan, look: Look) -> str:
    """The whole plan; one sentence when there is nothing to do. Its first is told again below what fills a screen."""
    first = headline(plan, look)
    if plan.empty:
        noted = (line for change in plan.noted for line in ("", *change_lines(change, look)))
        return "\n".join([first, *noted, *_hidden(plan, look)])
    body: list[str] = []
    like: dict[Address, Change] = {}
    for change in (*plan.pending, *plan.noted):
        other = like.setdefault(change.address.declared, change)
        body += [*change_lines(change, look, other if other is not change else None), ""]
    body += [*found, ""] if (found := preflight_lines(plan, look)) else []
    lines = [look.paint(first, Style.BOLD), "", *_meaning(plan, look), "", *body]
    if plan.fatal:
        number = sum(problem.severity is Severity.ERROR for problem in plan.problems)
        lines += [*look.wrap(f"{plan.home.stack} cannot be applied: {counted(number, 'problem')}.", ""), ""]
    lines = [*lines, first] if len(lines) > _SCREEN else lines
    return "\n".join(["\n".join(lines).rstrip("\n"), *_hidden(plan, look)])


def _hidden(plan: Plan, look: Look) -> list[str]:
    return ["", hidden_text(plan, look)] if look.hidden else hint(plan, look)


def _meaning(plan: Plan, look: Look) -> list[str]:
    """Where it is, and what the plan means, the gravest class first."""
    grave = any(change.change_class in GRAVE for change in plan.pending)
    lines = [look.paint(line, Style.BOLD) for line in look.wrap(clean(scope(plan)), "")]
    return lines + [look.paint(line, Style.RED if grave else Style.BOLD) for line in look.wrap(meaning(plan), "")]


def change_lines(change: Change, look: Look, like: Change | None = None) -> list[str]:
    """One change: symbol, verb, address, Azure name and reason; below it fields and what follows from it.

    Of several that come from one declaration those after the first, which is `like`, tell only what differs.
    """
    symbol, ascii_, style = SYMBOLS[verb(change)]
    word = _NOTED.get(change.reason, "leave") if change.noted else str(verb(change))
    mark = "  " + padded(look.pick(symbol, ascii_), 4)
    head = f"{word} {change.address}{_name(change, look)}"
    head += f" [{change.change_class}]" if change.change_class in GRAVE else ""
    lines = look.wrap(f"{head}: {_reason(change)}", mark, _BODY)
    bold = f"{mark}{word} {change.address}"
    lines[0] = lines[0].replace(bold, look.paint(bold, style), 1)
    if like and change.trains and like.trains and not change.fields:
        return [*lines, *_differing(change, like, look)]
    return [*lines, *_fields(change, look), *_remarks(change, look)]


def _differing(change: Change, like: Change, look: Look) -> list[str]:
    """What a job of a sweep does not share with the first one."""
    after = {name: value for name, value in change.after.items() if like.after.get(name) != value}
    estimate, first = change.estimate, like.estimate
    if estimate and first and (estimate.price, estimate.notes) == (first.price, first.notes):
        estimate = replace(estimate, price="", notes=())
    said = tuple(words for words in change.because if words not in like.because)
    short = replace(change, after=after, estimate=estimate, because=said, affects=())
    return [*_fields(short, look), *look.wrap(f"the rest as {like.address}", _BODY), *_remarks(short, look)]


def _name(change: Change, look: Look) -> str:
    name = clean(change.name or (change.live.name if change.live else ""))
    return f" ({shortened(name, look)})" if name and name != change.address.name else ""


def _reason(change: Change) -> str:
    code = f" ({change.problem.code})" if change.problem else ""
    return f"{change.reason}{code}"


def _fields(change: Change, look: Look) -> list[str]:
    if change.fields and change.action not in _AS_THEY_ARE:
        rows = [(field.path, _movement(field, look)) for field in change.fields]
    elif change.action is Action.CREATE:
        rows = [(path, shown(value, look)) for path, value in leaves("", change.after)]
        rows += [(path, look.pick("…", "...")) for path in _left(change)] if look.why else []
    else:
        rows = []
    whys = {f"{clean(path)}:": why_text(why) for path, why in change.why.items()} if look.why else {}
    rows += estimate_rows(change.estimate, look) if change.estimate else []
    column = max((width_of(path) for path, _ in rows if width_of(path) <= _COLUMN), default=0) + 2
    keyed = ((f"{clean(path)}:", text) for path, text in rows)
    return [line for key, text in keyed for line in _row(key, text, whys.get(key, ""), column, look)]


def _left(change: Change) -> list[str]:
    """What the service will choose."""
    return [path for path, why in change.why.items() if why.source in {Source.AUTO, Source.SERVICE}]


def _row(key: str, text: str, why: str, column: int, look: Look) -> list[str]:
    first = f"{_BODY}{padded(key, column - 1)} "
    *lines, last = look.wrap(text, first)
    if not why:
        return [*lines, last]
    note = look.paint(f"# {why}", Style.DIM)
    if width_of(last) + 2 + width_of(note) <= look.width:
        return [*lines, f"{last}  {note}"]
    indent = width_of(first) if width_of(first) + width_of(note) <= look.width else len(_BODY) + 2
    return [*lines, last, " " * indent + note]


def _movement(field: FieldChange, look: Look) -> str:
    before, after = pair(field.before, field.after, look)
    forced = ", cannot change in place" if field.forces else ""
    return f"{before} {look.pick('→', '->')} {after}{forced}"


def _remarks(change: Change, look: Look) -> list[str]:
    lines = [line for text in change.because for line in look.wrap(_brief(clean(text), look), _BODY)]
    if change.reason is Reason.DRIFTED:
        lines += look.wrap("Azure has the value on the left; what is declared was not touched.", _BODY)
    if change.affects:
        lines += look.wrap(listed(list(map(str, change.affects))), f"{_BODY}then: ")
    return lines


def _brief(text: str, look: Look) -> str:
    """A sentence with ids and hashes shortened, but for what stands in `…`: that is to be written down as it is."""
    parts = text.split("`")
    return "`".join(part if number % 2 else shortened(part, look) for number, part in enumerate(parts))


def listed(words: Sequence[str]) -> str:
    """The first words of many: what follows from a new account is everything."""
    more = len(words) - _NAMED
    return ", ".join(words) if more < 2 else f"{', '.join(words[:_NAMED])} and {more} more"  # noqa: PLR2004  "1 more" says less than its name
