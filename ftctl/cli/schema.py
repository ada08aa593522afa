"""`ftctl schema`: the JSON Schema of a spec, for editors, and of the lines of `--json`, for programs."""

from __future__ import annotations

import click

from ftctl.cli.streams import emit
from ftctl.spec.schema import NAME, load_schema, text


@click.command(name="schema")
@click.option("--events", is_flag=True, help="That of a line of `--json` instead.")
def command(*, events: bool) -> None:
    """Print the JSON Schema of a spec.

    An editor that knows YAML completes and checks with it. Write it to a
    file and name that in a spec's first line:

    \b
      # yaml-language-server: $schema=ftctl.v1.schema.json
    """  # noqa: D301  \b tells click to keep the line
    from ftctl.render.lines import NAME as EVENTS  # noqa: PLC0415  msgspec costs 10 ms

    emit(text(load_schema(EVENTS if events else NAME)).rstrip("\n"))
