"""`ftctl job`: what can be done with one training job beside planning and applying it."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {"grade": "Run a job's grader on examples, through the service"}


class _Commands(click.Group):
    """A group that imports a command's module when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"ftctl.cli.job_{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(name="job", cls=_Commands, short_help="Try a job's grader before it is trained")
def command() -> None:
    """Look at one job before it costs anything."""
