"""`ftctl data`: what is in training data, what is wrong with it, what changed, and what Azure still keeps of it."""

from __future__ import annotations

import click

from ftctl.cli.lazy import LazyGroup

COMMANDS = {
    "lint": "Find what is wrong with data, line by line",
    "stats": "Show what is in data, and what training on it costs",
    "diff": "Show what changed against live, git or another file",
    "prune": "Delete uploaded files that nothing needs any more",
}


@click.group(
    name="data",
    cls=LazyGroup,
    table=COMMANDS,
    modules="ftctl.cli.data_",
    short_help="Look into training data: lint, stats, diff, prune",
)
def command() -> None:
    """Look into training data before a cent is spent, and at what changed.

    A dataset is named by its stack, or by its file:

    \b
      ftctl data lint
      ftctl data stats specs/data/train.jsonl --model gpt-4.1-mini
      ftctl data diff train
    """  # noqa: D301  \b tells click to keep the lines
