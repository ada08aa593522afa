"""`ftctl data`: what is in training data, what is wrong with it, what changed, and what Azure still keeps of it."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "lint": "Find what is wrong with data, line by line",
    "stats": "Show what is in data, and what training on it costs",
    "diff": "Show what changed against live, git or another file",
    "prune": "Delete uploaded files that nothing needs any more",
}


class _Commands(click.Group):
    """A group that imports a command's module when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"ftctl.cli.data_{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(name="data", cls=_Commands, short_help="Look into training data: lint, stats, diff, prune")
def command() -> None:
    """Look into training data before a cent is spent, and at what changed.

    A dataset is named by its stack, or by its file:

    \b
      ftctl data lint
      ftctl data stats specs/data/train.jsonl --model gpt-4.1-mini
      ftctl data diff train
    """  # noqa: D301  \b tells click to keep the lines
