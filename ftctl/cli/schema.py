"""`ftctl schema`: the JSON Schema of a spec, for editors and for other tools."""

from __future__ import annotations

import click

from ftctl.cli.streams import emit
from ftctl.spec.schema import load_schema, text


@click.command(name="schema")
def command() -> None:
    """Print the JSON Schema of a spec.

    An editor that knows YAML completes and checks with it. Write it to a
    file and name that in a spec's first line:

    \b
      # yaml-language-server: $schema=ftctl.v1.schema.json
    """  # noqa: D301  \b tells click to keep the line
    emit(text(load_schema()).rstrip("\n"))
