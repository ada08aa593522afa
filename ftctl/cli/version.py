"""`ftctl version`."""

from __future__ import annotations

import click

from ftctl import __version__


@click.command(name="version")
def command() -> None:
    """Print the version."""
    click.echo(f"ftctl {__version__}")
