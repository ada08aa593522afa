"""Results as text for a terminal and as Markdown: facts, curve, checkpoints, verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ftctl.render.curve import compared_lines, curve_lines, letters
from ftctl.render.look import Look, Style, clean, padded, width_of
from ftctl.render.results_facts import (
    checkpoint_table,
    compared_rows,
    facts,
    measure_rows,
    serving,
    verdict_sentences,
)
from ftctl.results.run import Run
from ftctl.results.verdict import Outcome

_STYLES = {Outcome.CONVERGED: Style.GREEN, Outcome.TOO_SHORT: Style.DIM}
_NARROWEST = 10  # of a training's column in a comparison


def results_text(run: Run, look: Look, now: float) -> str:
    """One training at the width of a terminal."""
    blocks = [
        [look.paint(clean(run.name), Style.BOLD), *_labelled(facts(run, now), look)],
        curve_lines(run, look),
        _checkpoints(run, look),
        [look.paint("Measures", Style.BOLD), *columns_of(measure_rows(run), "  ")],
        [line for note in run.table.notes for line in look.wrap(clean(note), "Note: ", "  ")],
        verdict_lines(run, look),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def compared_text(runs: Sequence[Run], look: Look, now: float) -> str:
    """Several trainings side by side: what differs in their recipes first."""
    names = letters(len(runs))
    titles = [clean(run.name) + (", picked" if run.picked else "") for run in runs]
    head = [look.paint(f"{letter}  {title}", Style.BOLD) for letter, title in zip(names, titles, strict=True)]
    recipe, went = compared_rows(runs, now)
    known = sum(run.job is not None for run in runs) > 1
    same = [] if recipe else ["The recipes are the same." if known else "Their recipes are not known."]
    blocks = [head, same or _side_by_side("recipe", names, recipe, look), _side_by_side("results", names, went, look)]
    blocks.append(compared_lines(runs, look))
    for letter, run in zip(names, runs, strict=True):
        blocks.append(verdict_lines(run, look, f"{letter}: "))
    return "\n\n".join("\n".join(block) for block in blocks if block)


def verdict_lines(run: Run, look: Look, before: str = "") -> list[str]:
    """The verdict in words, its rule, and the checkpoint to serve."""
    style = _STYLES.get(run.verdict.outcome, Style.YELLOW)
    lines = [look.paint(f"{before}Verdict: {run.verdict.title}", style)]
    for sentence in verdict_sentences(run):
        lines += look.wrap(sentence, "  ")
    lines += look.wrap(run.verdict.rule, "  Rule: ", "    ")
    lines += look.wrap(clean(serving(run)), f"  {look.pick('→', '->')} ", "    ")
    if run.choice and run.choice.model:
        lines.append(f"    {clean(run.choice.model)}")
    return lines


def columns_of(rows: Iterable[Sequence[str]], indent: str) -> list[str]:
    """Rows in columns: the first to the left, the others to the right."""
    rows = list(rows)
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [padded(row[0], widths[0])]
        cells += [" " * (width - width_of(cell)) + cell for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines


def _labelled(rows: Sequence[tuple[str, str]], look: Look) -> list[str]:
    column = max(len(name) for name, _ in rows) + 2
    return [line for name, text in rows for line in look.wrap(text, f"  {padded(name, column)}")]


def _checkpoints(run: Run, look: Look) -> list[str]:
    title, heads, rows = checkpoint_table(run)
    if not rows:
        return []
    arrow = look.pick("→", "->")
    told = [["", *heads], *([arrow if row.served else "", f"{row.step:,}", *row.cells] for row in rows)]
    return [look.paint(title, Style.BOLD), *columns_of(told, "  ")]


def _side_by_side(title: str, names: Sequence[str], rows: Sequence[Sequence[str]], look: Look) -> list[str]:
    """A column for each training, as many beside each other as there is room for."""
    first = max(width_of(row[0]) for row in rows) if rows else 0
    first = max(first, len(title)) + 2
    many = max(1, (look.width - 2 - first) // (_NARROWEST + 2))
    lines: list[str] = []
    for start in range(0, len(names), many):
        some = range(start, min(start + many, len(names)))
        room = (look.width - 2 - first) // len(some) - 2
        wide = [min(room, max(width_of(text) for text in (names[n], *(row[n + 1] for row in rows)))) for n in some]
        lines.append("  " + padded(look.paint(title, Style.BOLD), first) + _cells([names[n] for n in some], wide))
        for row in rows:
            cut = [_parts(row[n + 1], width) for n, width in zip(some, wide, strict=True)]
            for line in range(max(map(len, cut))):
                cells = [part[line] if line < len(part) else "" for part in cut]
                lines.append(("  " + padded("" if line else row[0], first) + _cells(cells, wide)).rstrip())
    return lines


def _cells(texts: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(padded(text, width) for text, width in zip(texts, widths, strict=True)).rstrip()


def _parts(text: str, width: int) -> list[str]:
    """`text` in lines of a width, words kept whole where they fit."""
    lines = [""]
    for word in text.split():
        rest = word
        if lines[-1] and width_of(lines[-1]) + 1 + width_of(rest) <= width:
            lines[-1] += f" {rest}"
            continue
        while width_of(rest) > width:
            lines.append(rest[:width])
            rest = rest[width:]
        lines.append(rest)
    return [line for line in lines if line] or [""]


# --- Markdown


def results_markdown(runs: Sequence[Run], now: float) -> str:
    """One training, or several side by side, for a comment or a page."""
    if len(runs) > 1:
        return _compared_markdown(runs, now)
    (run,) = runs
    title, heads, rows = checkpoint_table(run)
    told = [heads, *([_bold(f"{row.step:,}", strong=row.served), *row.cells] for row in rows)]
    if any(row.model for row in rows):
        models = ["model", *(_code(row.model) for row in rows)]
        told = [[*line, model] for line, model in zip(told, models, strict=True)]
    blocks = [
        [f"## {_plain(run.name)}: {run.verdict.title}"],
        _verdict_markdown(run),
        _table([["", ""], *([name, _plain(text)] for name, text in facts(run, now))]),
        [f"### {title}", "", *_table(told)] if rows else [],
        ["### Measures", "", *_table([[_plain(cell) for cell in row] for row in measure_rows(run)])],
        [f"> {_plain(note)}" for note in run.table.notes],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _compared_markdown(runs: Sequence[Run], now: float) -> str:
    recipe, went = compared_rows(runs, now)
    names = [_plain(run.name) for run in runs]
    tables = [("Recipe, where it differs", recipe), ("Results", went)]
    blocks = [[f"## {' against '.join(names)}"]]
    for title, rows in tables:
        if rows:
            plain = [[_plain(cell) for cell in row] for row in rows]
            blocks.append([f"### {title}", "", *_table([["", *names], *plain])])
    blocks += [[f"### {_plain(run.name)}: {run.verdict.title}", "", *_verdict_markdown(run)] for run in runs]
    return "\n\n".join("\n".join(block) for block in blocks)


def _verdict_markdown(run: Run) -> list[str]:
    model = f" {_code(run.choice.model)}" if run.choice and run.choice.model else ""
    return [
        " ".join(_plain(sentence) for sentence in verdict_sentences(run)),
        "",
        f"**{_plain(serving(run))}**{model}",
        "",
        f"Rule: {_plain(run.verdict.rule)}",
    ]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    head, *rest = rows
    rule = ["---", *["---:"] * (len(head) - 1)] if len(head) > 2 else ["---"] * len(head)  # noqa: PLR2004  labelled text
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rest)]


def _plain(text: str) -> str:
    """`text` without what Markdown would read as its own."""
    text = clean(text).replace("\n", " ")
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>|~#" else char for char in text)


def _code(text: str) -> str:
    return f"`{clean(text).replace('`', '')}`" if text else ""


def _bold(text: str, *, strong: bool) -> str:
    return f"**{text}**" if strong else text
