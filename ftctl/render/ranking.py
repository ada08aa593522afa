"""A sweep's jobs by the metric that picks among them, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from ftctl.core.events import Outcome
from ftctl.render.look import Look, clean, padded, width_of
from ftctl.results.condition import told

_FEWEST = 3  # columns: mark, name and metric


def ranking_lines(outcome: Outcome, look: Look) -> list[str]:
    """What a pick found, the best first; nothing where the outcome is no pick's."""
    ranking = outcome.outputs.get("ranking")
    if not ranking:
        return []
    mark, none = look.pick("→", "->"), look.pick("–", "-")
    rows = [
        (
            mark if one["picked"] else "",
            clean(one["name"]),
            none if one["value"] is None else told(one["value"]),
            none if one["step"] is None else f"step {one['step']:,}",
            none if one["tokens"] is None else f"{one['tokens']:,} tokens",
        )
        for one in ranking
    ]
    return [*look.wrap(clean(f"{outcome.address} by {outcome.outputs['by']}:"), ""), *_columns(rows, look.width)]


def _columns(rows: Sequence[tuple[str, ...]], width: int) -> list[str]:
    """The first two to the left, numbers to the right, as many as there is room for."""
    wide = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    if len(wide) > _FEWEST and sum(wide) + 2 * len(wide) > width:
        return _columns([row[:-1] for row in rows], width)
    lines = []
    for mark, name, *cells in rows:
        right = [" " * (width - width_of(cell)) + cell for cell, width in zip(cells, wide[2:], strict=True)]
        lines.append("  ".join([f"  {padded(mark, 2)}", padded(name, wide[1]), *right]).rstrip())
    return lines
