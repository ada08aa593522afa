"""Results as one HTML page with all it needs inside: light and dark, printable, no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from ftctl import __version__
from ftctl.render.curve import chart_columns, letters
from ftctl.render.look import clean
from ftctl.render.results_facts import (
    checkpoint_table,
    compared_rows,
    facts,
    measure_rows,
    serving,
    verdict_sentences,
)
from ftctl.render.svg_curve import STYLE as CURVE_STYLE
from ftctl.render.svg_curve import Plot, compared_plot, run_plot, svg
from ftctl.results import columns
from ftctl.results.columns import GROUPS, title
from ftctl.results.curve import thinned
from ftctl.results.run import Run
from ftctl.results.verdict import Outcome

_SMALL = (430, 260)
_NUMBERS = 40  # rows of the table that has a curve's numbers
_GOOD, _UNSURE = frozenset({Outcome.CONVERGED}), frozenset({Outcome.TOO_SHORT})
_STYLE = """\
:root { color-scheme: light dark; --ground: #ffffff; --card: #f6f8fa; --ink: #1f2328; --soft: #59636e; --edge: #d8dee4;
  --good: #1a7f37; --warn: #9a5b00; --unsure: #59636e }
@media (prefers-color-scheme: dark) { :root { --ground: #0d1117; --card: #151b23; --ink: #f0f6fc; --soft: #9198a1;
  --edge: #2a313c; --good: #4ac26b; --warn: #e3a33b; --unsure: #9198a1 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 3rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.6rem; margin: 0 0 .25rem } h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem }
.soft, footer { color: var(--soft) } footer { margin-top: 3rem; font-size: .85rem }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere }
.verdict { margin: 1.25rem 0; padding: 1rem 1.25rem; background: var(--card); border: 1px solid var(--edge);
  border-left: 5px solid var(--warn); border-radius: 8px } .verdict h2 { margin: 0 0 .35rem }
.verdict p { margin: .35rem 0 } .verdict.good { border-left-color: var(--good) }
.verdict.unsure { border-left-color: var(--unsure) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; margin: 1rem 0 }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
figure { margin: 1rem 0; border: 1px solid var(--edge); border-radius: 8px; overflow-x: auto }
figure svg { display: block; width: 100%; height: auto } main > figure svg { min-width: 38rem }
.small { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); gap: 1rem }
.small figure { margin: 0 }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .95rem }
th, td { padding: .35rem .75rem .35rem 0; text-align: right; border-bottom: 1px solid var(--edge); vertical-align: top }
th { font-weight: 600; white-space: nowrap } th:first-child, td.word { text-align: left }
tbody th { font-weight: 400 } td code { display: inline-block; min-width: 16rem; text-align: left }
tr.served th, tr.served td { font-weight: 600 } tr.served th::before { content: "→ "; color: var(--good) }
details { margin: 1rem 0 } summary { cursor: pointer }
@media print { :root { --ground: #ffffff; --card: #ffffff; --ink: #1f2328; --soft: #59636e; --edge: #c8ced4;
  --good: #1a7f37; --warn: #9a5b00 } body { max-width: none; padding: 0; font-size: 11pt }
  figure, .verdict, tr { break-inside: avoid } details { display: none } }"""


def results_html(runs: Sequence[Run], now: datetime) -> str:
    """The page of one training, or of several side by side."""
    names = " and ".join(clean(run.name) for run in runs)
    body = _one(runs[0], now) if len(runs) == 1 else _several(runs, now)
    made = f"Made by ftctl {__version__} at {now:%Y-%m-%d %H:%M} UTC."
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Results of {escape(names)}</title>",
            f"<style>\n{_STYLE}\n{CURVE_STYLE}\n</style></head>",
            "<body>",
            *body,
            f"<footer>{made}</footer>",
            "</body></html>",
            "",
        ]
    )


def _one(run: Run, now: datetime) -> Iterable[str]:
    yield f"<header><h1>{_text(run.name)}</h1></header>"
    yield "<main>"
    yield _verdict(run)
    yield _facts(run, now)
    yield from _figures(run, "curve")
    heading, heads, rows = checkpoint_table(run)
    if rows:
        models = any(row.model for row in rows)
        cells = [[f"{row.step:,}", *row.cells, *([_code(row.model)] if models else [])] for row in rows]
        served = [row.served for row in rows]
        words = [*heads, *(["model"] if models else [])]
        yield f"<h2>{heading}</h2>"
        yield _table(words, cells, served)
    heads, *measured = measure_rows(run)
    yield "<h2>Measures</h2>"
    yield _table(heads, [[_text(cell) for cell in row] for row in measured])
    yield from (f'<p class="soft">{_text(note)}</p>' for note in run.table.notes)
    yield _numbers(run)
    yield "</main>"


def _several(runs: Sequence[Run], now: datetime) -> Iterable[str]:
    marks = letters(len(runs))
    heads = [f"{mark}: {clean(run.name)}" for mark, run in zip(marks, runs, strict=True)]
    yield f"<header><h1>{len(runs)} trainings compared</h1></header>"
    yield "<main>"
    recipe, went = compared_rows(runs, now.timestamp())
    yield "<h2>Recipe, where it differs</h2>"
    if recipe:
        yield _table(["", *heads], [[_text(cell) for cell in row] for row in recipe], word=True)
    else:
        known = sum(run.job is not None for run in runs) > 1
        yield f"<p>{'The recipes are the same.' if known else 'Their recipes are not known.'}</p>"
    yield "<h2>Results</h2>"
    yield _table(["", *heads], [[_text(cell) for cell in row] for row in went], word=True)
    yield from map(_figure, compared_plots(runs))
    for run in runs:
        yield _verdict(run, f"{run.name}: ")
    for number, (mark, run) in enumerate(zip(marks, runs, strict=True)):
        yield f"<h2>{mark}: {_text(run.name)}</h2>"
        yield _facts(run, now)
        yield from _figures(run, f"run{number}")
    yield "</main>"


def main_plot(run: Run, name: str = "curve") -> Plot:
    """The curve that a training is about: its loss or its reward."""
    group = chart_columns(run)
    what = "reward" if group == columns.REWARDS else "loss"
    return run_plot(run, group, f"{run.name}: {what} by step", name)


def compared_plots(runs: Sequence[Run]) -> list[Plot]:
    """Training over each other, and validation where all have it."""
    groups = [chart_columns(run) for run in runs]
    plots = [compared_plot(runs, [group[0] for group in groups], "Training, means", "compared-training")]
    for place, heading in ((2, "Full validation"), (1, "Validation, means")):
        names = [group[place] for group in groups]
        if all(run.table.has(name) for run, name in zip(runs, names, strict=True)):
            plots.append(compared_plot(runs, names, heading, f"compared-{place}"))
            break
    return plots


def _figures(run: Run, name: str) -> Iterable[str]:
    """The main curve, and small ones of all other columns, those that ftctl does not know too."""
    yield _figure(main_plot(run, name))
    groups = [*GROUPS, *((column, (column,)) for column in run.table.unknown)]
    small = [
        run_plot(run, group, heading, f"{name}-{number}", _SMALL)
        for number, (heading, group) in enumerate(groups)
        if group != chart_columns(run) and run.table.has(*group)
    ]
    if small:
        yield f'<div class="small">{"".join(map(_figure, small))}</div>'


def _figure(plot: Plot) -> str:
    return f"<figure>{svg(plot, style=False)}</figure>"


def _verdict(run: Run, before: str = "") -> str:
    outcome = run.verdict.outcome
    kind = " good" if outcome in _GOOD else " unsure" if outcome in _UNSURE else ""
    model = f"<br><code>{_text(run.choice.model)}</code>" if run.choice and run.choice.model else ""
    parts = [
        f'<section class="verdict{kind}"><h2>{_text(before)}{_text(_capital(run.verdict.title))}</h2>',
        f"<p>{_text(' '.join(verdict_sentences(run)))}</p>",
        f"<p><strong>{_text(serving(run))}</strong>{model}</p>",
        f'<p class="soft">Rule: {_text(run.verdict.rule)}</p></section>',
    ]
    return "\n".join(parts)


def _facts(run: Run, now: datetime) -> str:
    rows = "".join(f"<dt>{name}</dt><dd>{_text(text)}</dd>" for name, text in facts(run, now.timestamp()))
    return f"<dl>{rows}</dl>"


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], served: Sequence[bool] = (), *, word: bool = False
) -> str:
    """Rows of cells that are HTML already, each with its head; `word` aligns them as words."""
    kind = ' class="word"' if word else ""
    told = []
    for number, (first, *rest) in enumerate(rows):
        mark = ' class="served"' if served and served[number] else ""
        cells = "".join(f"<td{kind}>{cell}</td>" for cell in rest)
        told.append(f'<tr{mark}><th scope="row">{first}</th>{cells}</tr>')
    style = ' style="text-align: left"' if word else ""
    head = "".join(f'<th scope="col"{style}>{_text(one)}</th>' for one in heads)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(told)}</tbody></table></div>'


def _numbers(run: Run) -> str:
    """The curve as a table, for those who read numbers rather than pictures."""
    names = [name for name in chart_columns(run) if run.table.has(name)]
    if not names:
        return ""
    steps = [step for step, _ in thinned(run.table.get(names[0]), _NUMBERS)]
    steps = sorted({*steps, *run.table.get(names[-1]).steps[-_NUMBERS:]})
    known = [dict(zip(run.table.get(n).steps, run.table.get(n).values, strict=True)) for n in names]
    rows = [[f"{step:,}", *("" if (v := one.get(step)) is None else f"{v:.6g}" for one in known)] for step in steps]
    table = _table(["step", *map(title, names)], rows)
    return f"<details><summary>The curve in numbers, {len(rows)} steps of it</summary>{table}</details>"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>" if text else ""


def _text(text: str) -> str:
    return escape(clean(text))
