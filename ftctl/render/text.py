"""A plan as text for a terminal: what it means first, then every change with its reason, then the summary line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.diff import FieldChange
from ftctl.core.errors import Severity
from ftctl.core.model import Address, ChangeClass, Mode, Standing
from ftctl.render.estimate import estimate_rows, total_text
from ftctl.render.look import Look, Style, clean, counted, padded, width_of
from ftctl.render.values import leaves, pair, shortened, shown
from ftctl.render.verbs import Verb, summary, verb

_SYMBOLS = {  # symbol, in ASCII, style
    Verb.CREATE: ("+", "+", Style.GREEN),
    Verb.UPDATE: ("~", "~", Style.YELLOW),
    Verb.REPOINT: ("→", "->", Style.CYAN),
    Verb.TRAIN: ("$", "$", Style.MAGENTA),
    Verb.REPLACE: ("-/+", "-/+", Style.RED),
    Verb.DELETE: ("-", "-", Style.RED),
    Verb.CANCEL: ("-", "-", Style.RED),
    Verb.WAIT: ("⏳", "...", Style.CYAN),
    Verb.ADOPT: ("<", "<", Style.GREEN),
    Verb.JUDGE: ("?", "?", Style.CYAN),
    Verb.BLOCKED: ("!", "!", Style.BOLD),
    Verb.NOOP: (" ", " ", Style.PLAIN),
}
_CLASSES = {  # gravest first
    ChangeClass.IRREVERSIBLE: ("is irreversible", "are irreversible"),
    ChangeClass.INTERRUPTS: ("interrupts serving", "interrupt serving"),
    ChangeClass.TRAIN: ("trains (money and hours)", "train (money and hours)"),
    ChangeClass.REPOINT: ("re-points what serves", "re-point what serves"),
    ChangeClass.IN_PLACE: ("changes in place", "change in place"),
    ChangeClass.NEW: ("is new", "are new"),
    ChangeClass.METADATA: ("touches metadata only", "touch metadata only"),
}
_NOTED = {Reason.USED: "use", Reason.KEPT: "keep"}  # of what nothing is done about; else it is left
_TOLD = {Action.BLOCKED, Action.JUDGE}
_AS_THEY_ARE = {Action.NOOP, Action.WAIT}  # their differences are told in words, as nothing is changed
_GRAVE = {ChangeClass.IRREVERSIBLE, ChangeClass.INTERRUPTS}
_BODY = " " * 8
_NAMED = 3
_COLUMN = 26  # keys longer than this are not aligned


def plan_text(plan: Plan, look: Look) -> str:
    """The whole plan; one sentence when there is nothing to do."""
    stack = plan.home.stack
    if plan.empty:
        return "\n".join([_nothing(plan), *_noted(plan, look)])
    lines = [*_headline(plan, look), ""]
    first: dict[Address, Change] = {}
    for change in (*plan.pending, *_left(plan)):
        like = first.setdefault(change.address.declared, change)
        lines += [*change_lines(change, look, like if like is not change else None), ""]
    if plan.fatal:
        number = sum(problem.severity is Severity.ERROR for problem in plan.problems)
        lines += [*look.wrap(f"{stack} cannot be applied: {counted(number, 'problem')}, told below.", ""), ""]
    return "\n".join([*lines, summary(plan.changes, total_text(plan.estimate(), look))])


def _nothing(plan: Plan) -> str:
    stack = clean(plan.home.stack)
    if any(problem.severity is Severity.ERROR for problem in plan.problems):
        return f"{stack}: no difference was found, but not everything could be compared."
    if plan.mode is Mode.DESTROY:
        return f"{stack}: nothing to destroy. It owns nothing in {plan.home.group}."
    kept = len(plan.changes) - len(_left(plan))
    return f"{stack}: nothing to do. {counted(kept, 'thing')} in Azure {'is' if kept == 1 else 'are'} as declared."


def _left(plan: Plan) -> list[Change]:
    return [change for change in plan.changes if change.noted]


def _noted(plan: Plan, look: Look) -> list[str]:
    return [line for change in _left(plan) for line in ("", *change_lines(change, look))]


def _headline(plan: Plan, look: Look) -> list[str]:
    """What the plan means, the gravest class first."""
    changes = plan.pending
    kept = len(plan.changes) - len(changes) - len(_left(plan))
    head = f"{plan.home.stack} in {plan.home.group}: {counted(len(changes), 'change')}"
    head += f", {kept} as declared" if kept else ""
    classes = list(_told_classes(changes))
    doing = "This destroys the stack: " if plan.mode is Mode.DESTROY else ""
    told = f"{doing}{', '.join(text for text, _ in classes)}."
    style = Style.RED if any(grave for _, grave in classes) else Style.BOLD
    lines = [look.paint(line, Style.BOLD) for line in look.wrap(head, "")]
    return lines + [look.paint(line, style) for line in look.wrap(told, "")]


def _told_classes(changes: Sequence[Change]) -> Iterator[tuple[str, bool]]:
    gone = [change for change in changes if change.action is Action.DELETE and change.change_class not in _GRAVE]
    for change_class, (one, many) in _CLASSES.items():
        number = sum(change.change_class is change_class and change not in gone for change in changes)
        if number:
            yield f"{number} {one if number == 1 else many}", change_class in _GRAVE
    if gone:
        yield f"{len(gone)} {'is' if len(gone) == 1 else 'are'} taken away", False
    blocked = sum(change.action is Action.BLOCKED for change in changes)
    if blocked:
        yield f"{blocked} {'is' if blocked == 1 else 'are'} blocked", False
    judged = sum(change.action is Action.JUDGE for change in changes)
    if judged:
        yield f"{judged} {'decides' if judged == 1 else 'decide'} what may serve", False
    paused = sum(change.reason is Reason.PAUSED for change in changes)
    if paused:
        yield f"{paused} {'is' if paused == 1 else 'are'} paused", False
    told = [change for change in changes if change.action in _TOLD or change.reason is Reason.PAUSED]
    quiet = sum(change.change_class is ChangeClass.NONE and change not in told for change in changes)
    if quiet:
        yield f"{quiet} {'is' if quiet == 1 else 'are'} on the way already", False


def change_lines(change: Change, look: Look, like: Change | None = None) -> list[str]:
    """One change: symbol, verb, address, Azure name and reason; below it fields and what follows from it.

    Of several that come from one declaration those after the first, which is `like`, tell only what differs.
    """
    symbol, ascii_, style = _SYMBOLS[verb(change)]
    word = _NOTED.get(change.reason, "leave") if change.noted else str(verb(change))
    mark = "  " + padded(look.pick(symbol, ascii_), 4)
    head = f"{word} {change.address}{_name(change, look)}"
    head += f" [{change.change_class}]" if change.change_class in _GRAVE else ""
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
    findings = tuple(finding for finding in change.findings if finding not in like.findings)
    short = replace(change, after=after, estimate=estimate, because=said, findings=findings, affects=())
    return [*_fields(short, look), *look.wrap(f"the rest as {like.address}", _BODY), *_remarks(short, look)]


def _name(change: Change, look: Look) -> str:
    name = clean(change.name or (change.live.name if change.live else ""))
    return f" ({shortened(name, look)})" if name and name != change.address.name else ""


def _reason(change: Change) -> str:
    code = f" ({change.problem.code}, see below)" if change.problem else ""
    return f"{change.reason}{code}"


def _fields(change: Change, look: Look) -> list[str]:
    if change.fields and change.action not in _AS_THEY_ARE:
        rows = [(field.path, _movement(field, look)) for field in change.fields]
    elif change.action is Action.CREATE:
        rows = [(path, shown(value, look)) for path, value in leaves("", change.after)]
    else:
        rows = []
    rows += estimate_rows(change.estimate, look) if change.estimate else []
    column = max((width_of(path) for path, _ in rows if width_of(path) <= _COLUMN), default=0) + 2
    return [line for path, text in rows for line in _row(f"{clean(path)}:", text, column, look)]


def _row(key: str, text: str, column: int, look: Look) -> list[str]:
    return look.wrap(text, f"{_BODY}{padded(key, column - 1)} ")


def _movement(field: FieldChange, look: Look) -> str:
    before, after = pair(field.before, field.after, look)
    forced = ", cannot change in place" if field.forces else ""
    return f"{before} {look.pick('→', '->')} {after}{forced}"


def _remarks(change: Change, look: Look) -> list[str]:
    doubts = [f"{one.standing}: {one.what} ({one.basis})" for one in change.findings if one.standing != Standing.PASS]
    said = (*change.because, *doubts)
    lines = [line for text in said for line in look.wrap(shortened(clean(text), look), _BODY)]
    if change.reason is Reason.DRIFTED:
        lines += look.wrap("Azure has the value on the left; what is declared was not touched.", _BODY)
    if change.affects:
        lines += look.wrap(listed(list(map(str, change.affects))), f"{_BODY}then: ")
    return lines


def listed(words: Sequence[str]) -> str:
    """The first words of many: what follows from a new account is everything."""
    more = len(words) - _NAMED
    return ", ".join(words) if more < 2 else f"{', '.join(words[:_NAMED])} and {more} more"  # noqa: PLR2004  "1 more" says less than its name
