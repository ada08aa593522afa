"""`ftctl env`: where an account answers, as environment variables."""

from __future__ import annotations

from pathlib import Path

import click

from ftctl.cli import options
from ftctl.cli.found import account
from ftctl.cli.keys import keys_of
from ftctl.cli.session import session
from ftctl.cli.streams import emit
from ftctl.render.environment import as_json, as_shell


@click.command(name="env")
@click.argument("name", required=False, metavar="[ACCOUNT]")
@click.option("--with-key", is_flag=True, help="Print the account's first key too: a secret.")
@options.files
@options.selection
@options.output("shell", "json")
@options.tracing
def command(
    name: str | None,
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    output: str,
    trace: str | None,
    *,
    with_key: bool,
) -> None:
    """Print where ACCOUNT answers, as the OpenAI SDKs read it.

    \b
      eval "$(ftctl env)"

    ACCOUNT is named as in the stack; the only one if left out. Without
    --with-key callers sign in with Entra ID.
    """  # noqa: D301  \b tells click to keep the line
    with session(options.request(paths, environment, variables), trace) as opened:
        stack, live = account(opened, name)
        endpoint = str(live.outputs["endpoint"])
        told = {"AZURE_OPENAI_ENDPOINT": endpoint, "OPENAI_BASE_URL": f"{endpoint.rstrip('/')}/openai/v1/"}
        if with_key:
            told["AZURE_OPENAI_API_KEY"] = keys_of(opened.clients(stack), live)["key1"]
    emit(as_json(told) if output == "json" else as_shell(told))
