"""How an apply ended, as text: what was done, what failed, what goes on in Azure and how to continue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ftctl.core.events import Outcome, Report, Result
from ftctl.core.steps import Op
from ftctl.render.look import Look, Style, clean, duration, padded, width_of
from ftctl.render.ranking import ranking_lines
from ftctl.render.values import shortened
from ftctl.render.watched import sentence

PAST = {
    Op.CREATE: "created",
    Op.UPDATE: "updated",
    Op.DELETE: "deleted",
    Op.WAIT: "ready",
    Op.JUDGE: "passed",
    Op.MARK: "marked",
    Op.FORGET: "forgotten",
}
_LEFT = {Op.WAIT: "waited for", Op.JUDGE: "judged"}
_SELDOM = {Op.WAIT: "awaited", Op.JUDGE: "passed", Op.MARK: "marked", Op.FORGET: "forgotten"}
_LONGEST = 40  # of an address with its words beside it
_TITLES = {
    Result.DONE: ("Done", "✓", "+", Style.GREEN),
    Result.FAILED: ("Failed", "✗", "x", Style.BOLD),
    Result.PENDING: ("Goes on in Azure", "⏳", "...", Style.CYAN),
    Result.NOT_ATTEMPTED: ("Not attempted", "-", "-", Style.DIM),
}


def report_text(stack: str, report: Report, look: Look, *, resume: str) -> str:
    """The report. `resume` is the command that continues what is left."""
    blocks = [_section(result, [one for one in report.having(result) if not one.held], look) for result in Result]
    blocks.insert(len(_TITLES) - 1, _held(report, look))
    blocks += [
        *(ranking_lines(outcome, look) for outcome in report.outcomes),
        list(_judgements(report.outcomes, look)),
        list(_answers(report.outcomes, look)),
        _farewell(report, look, resume),
        [summary(stack, report)],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def summary(stack: str, report: Report) -> str:
    """The last line of a report. Frozen: scripts read it."""
    done = [outcome.op for outcome in report.having(Result.DONE)]
    parts = [f"{done.count(op)} {PAST[op]}" for op in (Op.CREATE, Op.UPDATE, Op.DELETE)]
    parts += [f"{done.count(op)} {word}" for op, word in _SELDOM.items() if op in done]
    for result in (Result.FAILED, Result.PENDING, Result.NOT_ATTEMPTED):
        parts += [f"{number} {result}"] if (number := len(report.having(result))) else []
    return f"{clean(stack)}: {', '.join(parts)} in {duration(report.seconds)}."


def _held(report: Report, look: Look) -> list[str]:
    lines = _section(Result.PENDING, [one for one in report.outcomes if one.held], look)
    return [look.paint("Stands still:", Style.BOLD), *lines[1:]] if lines else []


def _section(result: Result, outcomes: Sequence[Outcome], look: Look) -> list[str]:
    if not outcomes:
        return []
    title, symbol, ascii_, style = _TITLES[result]
    mark = look.paint(padded(look.pick(symbol, ascii_), 3), style)
    rows = [(str(outcome.address), _words(outcome, look)) for outcome in outcomes]
    column = max((width_of(address) for address, _ in rows if width_of(address) <= _LONGEST), default=0) + 2
    lines = [look.paint(f"{title}:", Style.BOLD)]
    for address, words in rows:
        if width_of(address) > _LONGEST:
            lines += [f"  {mark} {address}", *look.wrap(words, " " * 8)]
        else:
            lines += look.wrap(words, f"  {mark} {padded(address, column)}", " " * (6 + column))
    return lines


def _words(outcome: Outcome, look: Look) -> str:
    text = "" if outcome.text == outcome.address.name else shortened(clean(outcome.text), look)
    match outcome.result:
        case Result.DONE:
            words = PAST[outcome.op] + (f", {text}" if text else "")
        case Result.FAILED:
            problem = outcome.problem
            words = f"{clean(problem.what)} ({problem.code})" if problem else text or "failed"
        case Result.PENDING:
            words = (sentence(outcome.watched, look) if outcome.watched else text) or "on its way"
        case Result.NOT_ATTEMPTED:
            words = text or f"to be {_LEFT.get(outcome.op, PAST[outcome.op])}"
    return f"{words} ({duration(outcome.seconds)})" if outcome.seconds >= 1 else words


def _judgements(outcomes: Sequence[Outcome], look: Look) -> Iterator[str]:
    """What gates found, each condition with its number."""
    for outcome in outcomes:
        conditions = outcome.outputs.get("conditions") if outcome.op is Op.JUDGE else ()
        if conditions:
            yield f"{outcome.address} found:"
        for one in conditions or ():
            _, symbol, ascii_, style = _TITLES[Result.DONE if one["passed"] else Result.FAILED]
            mark = look.paint(padded(look.pick(symbol, ascii_), 3), style)
            yield from look.wrap(clean(one["told"]), f"  {mark} ", " " * 6)


def _answers(outcomes: Sequence[Outcome], look: Look) -> Iterator[str]:
    """What deployments said when they were asked for a trial."""
    left, right = look.pick("“", '"'), look.pick("”", '"')
    for outcome in outcomes:
        if outcome.answers:
            yield from look.wrap(f"{left}{clean(outcome.answers)}{right}", f"{outcome.address.name} answered: ", "  ")


def _farewell(report: Report, look: Look, resume: str) -> list[str]:
    """What is left, and the command that goes on with it."""
    pending, failed = report.having(Result.PENDING), report.having(Result.FAILED)
    left = report.having(Result.NOT_ATTEMPTED)
    lines: list[str] = []
    if any(one.held for one in pending):
        lines += look.wrap("What stands still goes on once it is resumed, by `state: running` or in the portal.", "")
    if any(not one.held for one in pending):
        lines += look.wrap("Azure goes on with it on its own; nothing has to keep running here.", "")
    if report.interrupted:
        lines += look.wrap("Stopped as asked. Nothing was cancelled or undone.", "")
    if pending or left or failed:
        told = "When the cause is mended, continue with:" if failed else "Continue at any time with:"
        lines += [told, f"  {resume}"]
    return lines
