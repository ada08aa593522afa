"""`ftctl job`: what can be done with one training job beside planning and applying it."""

from __future__ import annotations

import click

from ftctl.cli.lazy import LazyGroup

COMMANDS = {"grade": "Run a job's grader on examples, through the service"}


@click.group(
    name="job",
    cls=LazyGroup,
    table=COMMANDS,
    modules="ftctl.cli.job_",
    short_help="Try a job's grader before it is trained",
)
def command() -> None:
    """Look at one job before it costs anything."""
