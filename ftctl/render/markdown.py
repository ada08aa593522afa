"""Plans as Markdown for one comment in a pull request: what matters first, nothing that a name could break."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ftctl.core.changes import Change, Plan
from ftctl.core.errors import Problem
from ftctl.core.model import Finding, Standing
from ftctl.core.preflight import counted, table
from ftctl.render import review
from ftctl.render.headline import headline, meaning, scope
from ftctl.render.look import Look, clean
from ftctl.render.look import counted as number_of
from ftctl.render.problems import reason_and_fix
from ftctl.render.text import plan_text
from ftctl.render.verbs import verb

MOST = 65_536  # that GitHub takes; counted in bytes, which is never less than in characters
_NAMED = 3
_CHECKS = ("| | check | of | what | by |", "| --- | --- | --- | --- | --- |")
CUT = "**Too long to approve here**: this is cut. Read all of it with `ftctl show FILE`, and approve that."


@dataclass(frozen=True, slots=True)
class Part:
    """Lines that may be cut from below, between lines that stay."""

    head: tuple[str, ...]
    lines: tuple[str, ...]
    foot: tuple[str, ...] = ()

    @property
    def whole(self) -> str:
        return "\n".join([*self.head, *self.lines, *self.foot, "", ""])


def plans_markdown(plans: Sequence[Plan], problems: Sequence[Problem] = (), most: int = MOST) -> str:
    """One comment, with a hidden mark by which the next one replaces it. What does not fit is cut, and says so."""
    if len(plans) != 1:
        from ftctl.render.stacks_markdown import stacks_markdown  # noqa: PLC0415  it builds on this module

        return stacks_markdown(plans, problems, most)
    (plan,) = plans
    stack = re.sub(r"[^A-Za-z0-9._]+", "-", plan.home.stack)
    told = [f"<!-- ftctl:plan:{stack} -->" if stack else "<!-- ftctl:plan -->"]
    left = most - size(f"{told[0]}\n")
    if own := problem_list(problems):
        told.append(fitted([own], left // 2, ()))
        left -= size(told[-1]) + 1
    told.append(explained(plan, left - 1, footer(plan)))
    return "\n".join(told).rstrip("\n")


def explained(plan: Plan, room: int, footer: tuple[str, ...]) -> str:
    """The plan, with the reason of each field where nothing has to be cut for that."""
    calm, last = list(parts(plan, review.LOOK)), size("\n".join([*footer, ""]))

    def fits(found: Sequence[Part]) -> bool:
        return sum(size(part.whole) for part in found) + last <= room

    if fits(calm) and fits(told := list(parts(plan, replace(review.LOOK, why=True)))):
        return fitted(told, room, footer)
    return fitted(calm, room, footer)


def fitted(parts: Sequence[Part], room: int, footer: tuple[str, ...]) -> str:
    """All parts that there is room for, and the footer, which says no digest where anything is missing."""
    last = "\n".join([*footer, ""]) if footer else ""
    text = "".join(part.whole for part in parts) + last
    if size(text) <= room:
        return text
    end = f"{CUT}\n"
    left = room - size(end)
    told = []
    for part in parts:
        short = cut(part, left)
        told.append(short)
        left -= size(short)
    return "".join(told) + end


def cut(part: Part, room: int) -> str:
    """As many lines of a part as there is room for, with how many are missing; nothing where not even that fits."""
    if size(part.whole) <= room:
        return part.whole
    kept, left = 0, room - size(replace(part, lines=(), foot=(*part.foot, "", _missing(len(part.lines)))).whole)
    while kept < len(part.lines) and (left := left - size(part.lines[kept]) - 1) >= 0:
        kept += 1
    if not kept:
        return ""
    missing = _missing(len(part.lines) - kept)
    return replace(part, lines=part.lines[:kept], foot=(*part.foot, "", missing)).whole


def _missing(number: int) -> str:
    return f"*{number_of(number, 'more line')} cut here.*"


def size(text: str) -> int:
    return len(text.encode())


def parts(plan: Plan, look: Look) -> Iterator[Part]:
    """In the order in which a reviewer reads."""
    yield Part((f"### {plain(headline(plan, review.LOOK))}",), ())
    if plan.empty and not plan.problems:
        return
    yield Part((), (f"{plain(scope(plan))}.", *([plain(meaning(plan))] if plan.pending else [])))
    found = [
        _grave(plan),
        problem_list(plan.problems),
        _table(plan.pending),
        _listed("Data", ((code(address), plain(line)) for address, line in review.data_lines(plan))),
        _listed("Cost and time", ((code(address), plain(line)) for address, line in review.costs(plan))),
        _listed("Gates", _gates(plan)),
        *_checks(plan),
        _listed("Changed outside ftctl", _drift(plan)),
        _full(plan, look),
    ]
    yield from (part for part in found if part)


def _grave(plan: Plan) -> Part | None:
    found = review.grave(plan)
    lines = tuple(f"> - {code(str(one.address))} {plain(review.harm(one))}: {plain(one.reason)}" for one in found)
    head = ("> [!CAUTION]", "> This destroys, replaces or interrupts:", ">")
    return Part(head, lines) if found else None


def _table(changes: Sequence[Change]) -> Part | None:
    head = ("#### Changes", "", "| | do | what | class | why |", "| --- | --- | --- | --- | --- |")
    return Part(head, tuple(map(_row, changes))) if changes else None


def _row(change: Change) -> str:
    name = review.name_of(change)
    what = code(str(change.address)) + (f" {code(name)}" if name else "")
    why = [plain(review.reason(change)), *_movements(change)]
    sign = plain(review.symbol(change)).strip()
    cells = (sign, plain(str(verb(change))), what, plain(review.class_of(change)), "<br>".join(why))
    return f"| {' | '.join(cells)} |"


def _movements(change: Change) -> Iterator[str]:
    for path, before, after in map(review.movement, change.fields[:_NAMED]):
        yield f"{code(path)}: {code(before)} → {code(after)}"
    if len(change.fields) > _NAMED:
        yield f"and {len(change.fields) - _NAMED} more"


def _listed(title: str, lines: Iterable[tuple[str, str]]) -> Part | None:
    told = tuple(f"- {what}: {text}" for what, text in lines)
    return Part((f"#### {title}", ""), told) if told else None


def _gates(plan: Plan) -> Iterator[tuple[str, str]]:
    for address, standing, told in review.gates(plan):
        yield code(address), "<br>".join([f"**{standing}**", *map(plain, told)])


def _drift(plan: Plan) -> Iterator[tuple[str, str]]:
    for change in review.drifted(plan):
        fields = (review.movement(field) for field in change.fields)
        moves = (f"{code(path)} is {code(live)}, declared {code(declared)}" for path, live, declared in fields)
        yield code(str(change.address)), "; ".join(moves)


def _checks(plan: Plan) -> Iterator[Part]:
    """What did not pass, and folded what did."""
    rows = [(one.standing is Standing.PASS, _check(address, one)) for address, one in table(plan)]
    open_, folded = (tuple(row for passed, row in rows if passed is wanted) for wanted in (False, True))
    title = f"#### Preflight: {counted(plan)}"
    if open_:
        yield Part((title, "", *_CHECKS), open_)
    if folded:
        head = () if open_ else (title, "")
        yield Part((*head, "<details>", "<summary>What passed</summary>", "", *_CHECKS), folded, ("", "</details>"))


def _check(address: str, one: Finding) -> str:
    of = code(address) if address else "the plan"
    return f"| {one.standing} | {plain(one.check)} | {of} | {plain(one.what)} | {plain(one.basis)} |"


def problem_list(problems: Sequence[Problem]) -> Part | None:
    return Part(("#### Problems", ""), tuple(map(_problem, problems))) if problems else None


def _problem(problem: Problem) -> str:
    subject = f"{code(problem.subject)}: " if problem.subject and problem.subject not in problem.what else ""
    place = f" at {code(str(problem.where))}" if problem.where else ""
    why, fix = reason_and_fix(problem)
    lines = [f"**{problem.severity} {plain(problem.code)}**{place}: {subject}{plain(problem.what)}"]
    return "<br>".join([f"- {lines[0]}", *(plain(text) for text in (why, fix) if text)])


def _full(plan: Plan, look: Look) -> Part:
    """The plan as a terminal shows it; its lines begin with their signs, which colours them."""
    whole = fenced(plan_text(plan, look))
    head = ("<details>", "<summary>The whole plan</summary>", "", *whole.head)
    return replace(whole, head=head, foot=(*whole.foot, "", "</details>"))


def fenced(text: str) -> Part:
    """Text letter for letter, behind a fence that nothing in it can close."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return Part((f"{fence}diff",), tuple(line.removeprefix("  ") for line in text.split("\n")), (fence,))


def footer(plan: Plan, *, alone: bool = True) -> tuple[str, ...]:
    """What approves a plan; one of several is not approved `alone`."""
    if plan.empty:
        return ()
    if not plan.applyable:
        return ("This plan cannot be applied.",)
    digest = plan.digest()
    if not alone:
        return (f"Digest: <code>{digest}</code>", "")
    return (
        f"Digest: <code>{digest}</code>",
        "",
        f"Exactly this, or nothing: <code>ftctl apply --expect {digest}</code>, or apply the saved plan file.",
    )


_NAMES = re.compile(r"[^A-Za-z0-9 ,:;/.%'()+=?…≈–→·×-]")
_MENTION = re.compile(r"(@|#|(?<![A-Za-z0-9])GH-)(?=\w)", re.ASCII | re.IGNORECASE)
_LINK = re.compile(r"(?i)(?:https?|ftp|mailto|xmpp)(?=:)|www(?=\.)")


def plain(text: str) -> str:
    """`text` on one line that means nothing else to Markdown, and calls nobody; what stands in `…` is code."""
    parts = " ".join(clean(text).split()).split("`")
    if len(parts) % 2 == 0:  # one mark has no other
        parts[-2:] = ["`".join(parts[-2:])]
    return "".join(code(part) if number % 2 else _words(part) for number, part in enumerate(parts))


def _words(text: str) -> str:
    text = _LINK.sub("\\g<0>\u2060", _MENTION.sub("\\g<0>\u2060", text))
    return re.sub(r"^([-+=]|\d+(?=[.)]))", _entities, _NAMES.sub(_entity, text))


def code(text: str) -> str:
    """An identifier or a value, letter for letter."""
    return f"<code>{_NAMES.sub(_entity, ' '.join(clean(text).split()))}</code>"


def _entity(found: re.Match[str]) -> str:
    return found[0] if found[0].isalnum() or found[0] == "\u2060" else f"&#{ord(found[0])};"


def _entities(found: re.Match[str]) -> str:
    return "".join(f"&#{ord(char)};" for char in found[0])
