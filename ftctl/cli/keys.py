"""`ftctl keys`: the two keys of an account, shown when asked for, and renewed one by one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftctl.cli import options
from ftctl.cli.found import account
from ftctl.cli.session import session
from ftctl.cli.streams import ask, emit, interactive, show
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import Live

if TYPE_CHECKING:
    from ftctl.clients import Clients

_WHICH = click.option("--key", "number", type=click.Choice(["1", "2"]), required=True, help="Which of the two keys.")


@click.group(name="keys")
def command() -> None:
    """Show or rotate an account's keys; with `localAuth: false` it has none.

    To rotate keys without an outage, renew the one that nobody uses, move
    every caller to it, and renew the other:

    \b
      ftctl keys rotate main --key 2
      ftctl keys show main --key 2
      ftctl keys rotate main --key 1
    """  # noqa: D301  \b tells click to keep the lines


@command.command("show")
@click.argument("name", required=False, metavar="[ACCOUNT]")
@_WHICH
@options.files
@options.selection
@options.tracing
def show_key(
    name: str | None,
    number: str,
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    trace: str | None,
) -> None:
    """Print a key of ACCOUNT: a secret, on stdout and nowhere else."""
    with session(options.request(paths, environment, variables), trace) as opened:
        stack, live = account(opened, name)
        key = keys_of(opened.clients(stack), live)[f"key{number}"]
    emit(key)


@command.command("rotate")
@click.argument("name", required=False, metavar="[ACCOUNT]")
@_WHICH
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@options.files
@options.selection
@options.tracing
def rotate_key(
    name: str | None,
    number: str,
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    trace: str | None,
    *,
    auto_approve: bool,
) -> None:
    """Make a key of ACCOUNT anew; who uses it is locked out at once."""
    if not (auto_approve or interactive()):
        raise FtctlError(Problem("FT6052", "there is no terminal to ask for approval"))
    with session(options.request(paths, environment, variables), trace) as opened:
        stack, live = account(opened, name)
        if live.owner != stack.name:
            raise FtctlError(Problem("FT6051", f"{live.name} is not the stack {stack.name}'s own"))
        _refuse_keyless(live)
        question = f"Whoever uses key {number} of {live.name} is locked out at once. Only `yes` renews it: "
        if not auto_approve and ask(question) != "yes":
            raise FtctlError(Problem("FT6008", f"key {number} of {live.name} stays as it is"))
        opened.clients(stack).arm.regenerate_key(live.id, f"Key{number}")
    show(f"Key {number} of {live.name} is a new one; key {3 - int(number)} was not touched.")


def keys_of(clients: Clients, live: Live) -> dict[str, str]:
    """Both keys of an account."""
    _refuse_keyless(live)
    return clients.arm.list_keys(live.id)


def _refuse_keyless(live: Live) -> None:
    if (live.raw.get("properties") or {}).get("disableLocalAuth"):
        raise FtctlError(Problem("FT6050", f"{live.name} has `localAuth: false`, and so no keys"))
