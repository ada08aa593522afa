"""Plans as one HTML page with all it needs inside: the graph, every change, light and dark, printable, no script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from ftctl import __version__
from ftctl.core.changes import Action, Change, Plan
from ftctl.core.diff import leaves
from ftctl.core.errors import Problem
from ftctl.core.model import Finding, Standing
from ftctl.core.preflight import counted, table
from ftctl.render import review
from ftctl.render.headline import GRAVE, headline, meaning, scope
from ftctl.render.look import clean
from ftctl.render.look import counted as number_of
from ftctl.render.problems import reason_and_fix
from ftctl.render.stacks import count_text, quiet, rows, sentence, spoken
from ftctl.render.svg_graph import STYLE as GRAPH_STYLE
from ftctl.render.svg_graph import svg
from ftctl.render.values import exact, shown
from ftctl.render.verbs import verb
from ftctl.render.why import hidden_rows, why_text

_STYLE = """\
:root { color-scheme: light dark; --ground: #ffffff; --card: #f6f8fa; --ink: #1f2328; --soft: #59636e; --edge: #d8dee4;
  --good: #1a7f37; --warn: #9a5b00; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ground: #0d1117; --card: #151b23; --ink: #f0f6fc; --soft: #9198a1;
  --edge: #2a313c; --good: #4ac26b; --warn: #e3a33b; --bad: #ff8a80 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 66rem; padding: 2rem 1.25rem 3rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; line-height: 1.35 } h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem }
p { margin: .35rem 0 } .soft, footer { color: var(--soft) } footer { margin-top: 3rem; font-size: .85rem }
article + article { margin-top: 3rem; padding-top: 2rem; border-top: 3px double var(--edge) }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere }
.card { margin: .75rem 0; padding: .75rem 1rem; background: var(--card); border: 1px solid var(--edge);
  border-left: 5px solid var(--edge); border-radius: 8px } .card h3 { margin: 0; font-size: 1rem; font-weight: 600 }
.bad { border-left-color: var(--bad) } .warn { border-left-color: var(--warn) } .good { border-left-color: var(--good) }
.card ul { margin: .35rem 0; padding-left: 1.25rem }
.tag { display: inline-block; padding: 0 .5rem; border: 1px solid currentColor; border-radius: 1rem; font-size: .8rem;
  font-weight: 400; color: var(--soft); white-space: nowrap }
.tag.bad { color: var(--bad) } .tag.good { color: var(--good) } .tag.warn { color: var(--warn) }
figure { margin: 1rem 0; border: 1px solid var(--edge); border-radius: 8px; overflow-x: auto }
figure svg { display: block; width: 100%; min-width: 44rem; height: auto; max-height: 40rem }
.wide { overflow-x: auto } summary { cursor: pointer; margin-top: 2.25rem }
table { border-collapse: collapse; margin: .5rem 0; font-size: .95rem }
th, td { padding: .25rem 1rem .25rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--edge) }
.card tr:last-child > * { border-bottom: 0 }
th { font-weight: 400; color: var(--soft) } th code { white-space: nowrap } td { overflow-wrap: anywhere }
@media print { :root { color-scheme: light; --ground: #ffffff; --card: #ffffff; --ink: #1f2328; --soft: #59636e;
  --edge: #c8ced4; --good: #1a7f37; --warn: #9a5b00; --bad: #b3261e }
  body { max-width: none; padding: 0; font-size: 10pt } .card, tr, figure { break-inside: avoid }
  figure svg { max-width: 100%; height: auto } }"""
_STANDINGS = {Standing.PASS: "good", Standing.WARN: "warn", Standing.FAIL: "bad", Standing.UNVERIFIED: "warn"}
_GATES = {"passed": "good", "refused": "bad"}


def plans_html(plans: Sequence[Plan], problems: Sequence[Problem] = ()) -> str:
    """The page of one plan, or of several below each other."""
    names = clean(plans[0].home.stack) if len(plans) == 1 else f"{len(plans)} stacks"
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Plan of {escape(names)}</title>" if plans else "<title>No plan</title>",
        f"<style>\n{_STYLE}\n{GRAPH_STYLE}\n</style></head>",
        "<body><main>",
    ]
    several = len(plans) != 1
    lines += _overall(plans) if several else ()
    for plan in spoken(plans) if several else plans:
        lines += [f'<article id="{_anchor(plan.home.stack)}">', *_plan(plan, "h2" if several else "h1"), "</article>"]
    lines += _problems(problems)
    return "\n".join([*lines, "</main>", f"<footer>Made by ftctl {__version__}.</footer>", "</body></html>", ""])


def _overall(plans: Sequence[Plan]) -> Iterator[str]:
    """What there is to do in several stacks: a row for each that has something, the others folded."""
    yield f"<header><h1>{_text(sentence(plans, review.LOOK)) if plans else 'No stack to plan.'}</h1>"
    still = [_code(plan.home.stack) for plan in plans if quiet(plan)]
    yield f'<p class="soft">{_text(count_text(plans))}</p></header>' if len(still) < len(plans) else "</header>"
    told = (
        (f'<a href="#{_anchor(row.stack)}">{_code(row.stack)}</a>', _text(row.told), row.change_class, _text(row.cost))
        for row in rows(plans, review.LOOK)
    )
    yield _rows(told, ["stack", "plan", "class", "cost"])
    if still:
        yield f"<details><summary>{len(still)} with nothing to do</summary><p>{', '.join(still)}</p></details>"


def _anchor(stack: str) -> str:
    return "stack-" + re.sub(r"[^A-Za-z0-9-]", "_", stack)


def _plan(plan: Plan, head: str) -> Iterator[str]:
    yield f"<header><{head}>{_text(headline(plan, review.LOOK))}</{head}>"
    yield f'<p class="soft">{_text(scope(plan))}. {_text(meaning(plan)) if plan.pending else ""}</p></header>'
    if heavy := review.grave(plan):
        told = (f"<code>{_text(str(one.address))}</code> {_text(review.harm(one))}: {one.reason}" for one in heavy)
        yield _card("bad", "This destroys, replaces or interrupts", _list(told))
    yield from _problems(plan.problems)
    yield f"<h2>What needs what</h2><figure>{_graph(plan)}</figure>" if plan.changes else ""
    if plan.pending:
        yield "<h2>Changes</h2>"
        yield from map(_change, plan.pending)
    yield from _table("Data", ((_code(address), _said(line)) for address, line in review.data_lines(plan)))
    yield from _table("Cost and time", ((_code(address), _text(line)) for address, line in review.costs(plan)))
    yield from _table("Gates", map(_gate, review.gates(plan)))
    yield from _preflight(plan)
    yield from _table("Changed outside ftctl", _drift(plan), ["", "field", "live", "declared"])
    yield _hidden(plan)
    yield _approval(plan)


def _graph(plan: Plan) -> str:
    graph, marks = review.graph(plan)
    return svg([graph], marks, style=False)


def _change(change: Change) -> str:
    kind = "bad" if change.change_class in GRAVE or change.action is Action.DELETE else ""
    kind = "warn" if change.trains else kind
    name = f" {_code(review.name_of(change))}" if review.name_of(change) else ""
    told = review.class_of(change)
    tag = f' <span class="tag {kind}">{_text(told)}</span>' if told else ""
    sign = _text(review.symbol(change).strip().replace("⏳", "…"))
    title = f"{sign} {_text(str(verb(change)))} {_code(str(change.address))}{name}{tag}"
    parts = [f"<p>{_text(review.reason(change))}</p>", _rows(_fields(change))]
    said = [_said(line) for line in change.because]
    said += [f"then: {_text(', '.join(map(str, change.affects)))}"] if change.affects else []
    return f'<section class="card {kind}"><h3>{title}</h3>{"".join(parts)}{_list(said)}</section>'


def _fields(change: Change) -> Iterator[tuple[str, ...]]:
    for field in change.fields:
        path, before, after = review.movement(field)
        forced = ' <span class="tag bad">cannot change in place</span>' if field.forces else ""
        moved = f"{_value(before, field.before)} → {_value(after, field.after)}{forced}"
        yield _text(path), moved, _why(change, field.path)
    if not change.fields and change.action is Action.CREATE:
        for path, value in leaves("", change.after):
            yield _text(path), _value(shown(value, review.LOOK), value), _why(change, path)


def _why(change: Change, path: str) -> str:
    return f'<span class="soft">{_text(why_text(change.why[path]))}</span>' if path in change.why else ""


def _hidden(plan: Plan) -> str:
    """What is no difference, folded."""
    rows = [(_code(address), _text(path), _text(line)) for address, path, line in hidden_rows(plan, review.LOOK)]
    title = f"{number_of(len(rows), 'hidden difference')}"
    return f"<details><summary>{title}</summary>{_rows(rows)}</details>" if rows else ""


def _value(short: str, value: object) -> str:
    """A value as short as it can be told, whole where the pointer rests."""
    whole = exact(value)
    title = f' title="{_text(whole)}"' if whole != short else ""
    return f"<code{title}>{_text(short)}</code>"


def _gate(gate: tuple[str, str, tuple[str, ...]]) -> tuple[str, ...]:
    address, standing, told = gate
    return (
        _code(address),
        f'<span class="tag {_GATES.get(standing, "")}">{standing}</span>',
        "<br>".join(map(_text, told)),
    )


def _preflight(plan: Plan) -> Iterator[str]:
    """What did not pass, and folded what did."""
    found = table(plan)
    if not found:
        return
    yield f"<h2>Preflight: {_text(counted(plan))}</h2>"
    yield _rows(_check(address, one) for address, one in found if one.standing is not Standing.PASS)
    if passed := _rows(_check(address, one) for address, one in found if one.standing is Standing.PASS):
        yield f"<details><summary>What passed</summary>{passed}</details>"


def _check(address: str, one: Finding) -> tuple[str, ...]:
    mark = f'<span class="tag {_STANDINGS[one.standing]}">{one.standing}</span>'
    of = _code(address) if address else "the plan"
    return mark, _text(one.check), of, _text(one.what), f'<span class="soft">{_text(one.basis)}</span>'


def _drift(plan: Plan) -> Iterator[tuple[str, ...]]:
    for change in review.drifted(plan):
        for path, live, declared in map(review.movement, change.fields):
            yield _code(str(change.address)), _text(path), _code(live), _code(declared)


def _problems(problems: Iterable[Problem]) -> Iterator[str]:
    for problem in problems:
        place = f" at {_code(str(problem.where))}" if problem.where else ""
        told = "".join(f"<p>{_said(text)}</p>" for text in reason_and_fix(problem) if text)
        title = f"{problem.severity} {_text(problem.code)}{place}"
        kind = "bad" if problem.severity == "error" else "warn"
        subject = f"{problem.subject}: " if problem.subject and problem.subject not in problem.what else ""
        yield _card(kind, title, f"<p><strong>{_said(subject + problem.what)}</strong></p>{told}")


def _approval(plan: Plan) -> str:
    if plan.empty:
        return ""
    if not plan.applyable:
        return _card("bad", "This plan cannot be applied", "")
    digest = plan.digest()
    how = f"Exactly this, or nothing: {_code(f'ftctl apply --expect {digest}')}, or apply the saved plan file."
    return _card("", "To approve it", f"<p>Digest {_code(digest)}</p><p>{how}</p>")


def _card(kind: str, title: str, body: str) -> str:
    return f'<section class="card {kind}"><h3>{title}</h3>{body}</section>'


def _table(title: str, rows: Iterable[tuple[str, ...]], heads: Sequence[str] = ()) -> Iterator[str]:
    if found := _rows(rows, heads):
        yield f"<h2>{title}</h2>{found}"


def _rows(rows: Iterable[tuple[str, ...]], heads: Sequence[str] = ()) -> str:
    """Rows of cells that are HTML already, each with its head; nothing where there are none."""
    told = [f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows]
    head = f"<thead><tr>{''.join(f'<th>{one}</th>' for one in heads)}</tr></thead>" if heads else ""
    return f'<div class="wide"><table>{head}<tbody>{"".join(told)}</tbody></table></div>' if told else ""


def _list(lines: Iterable[str]) -> str:
    told = "".join(f"<li>{line}</li>" for line in lines)
    return f"<ul>{told}</ul>" if told else ""


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"


def _said(text: str) -> str:
    """A sentence; what stands in `…` is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", _text(text))


def _text(text: str) -> str:
    return escape(clean(text))
