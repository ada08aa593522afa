"""`ftctl local`: the local Azure as a server for other clients, its environment, its clock and its faults."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftctl.cli.local_faults import faults, settings
from ftctl.cli.options import output, seconds
from ftctl.cli.session import nearby
from ftctl.cli.streams import ask, emit, interactive, look, show, tell
from ftctl.core.errors import FtctlError, Problem
from ftctl.embedded import Server, local_folder, running, usable

if TYPE_CHECKING:
    from ftctl.local.azure import OffsetClock


@click.group(name="local", short_help="Run the local Azure for other clients")
def command() -> None:
    """Run the local Azure for other clients: curl, az rest, any Azure or OpenAI SDK.

    ftctl's own commands need no server: for stacks with `cloud: local` they
    use the one that is up, or run one for themselves. Its state stays in
    .ftctl/local of the project, or where FTCTL_LOCAL_DIR says.
    """


command.add_command(faults)
command.add_command(settings)


@command.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Port to listen on.  [default: a free one]"
)
@click.option(
    "--host",
    default="127.0.0.1",
    metavar="ADDRESS",
    help="Address to listen on. Any but this machine's own is warned of.  [default: 127.0.0.1]",
)
@click.option(
    "--pace",
    type=click.FloatRange(0, min_open=True),
    metavar="N",
    help="Azure's seconds in one of ours; at first 360.",
)
@click.option("--retirements", type=click.Choice(["warn", "enforce"]), help="What to do about models past their date.")
@click.option("--by-name", is_flag=True, help="Bear a certificate for Azure's own host names too.")
@click.option("--detach", is_flag=True, help="Run in the background, until `ftctl local down`.")
def up(port: int, host: str, pace: float | None, retirements: str | None, *, by_name: bool, detach: bool) -> None:
    """Serve the local Azure until Ctrl-C, or in the background.

    --pace and --retirements are kept with its state. --by-name is for networks
    in which management.azure.com, NAME.openai.azure.com and their like lead
    here, on port 443.
    """
    from ftctl.cli.serving import detached, serve, warn_of  # noqa: PLC0415  the server is only for those who start it

    folder = local_folder()
    if server := running(folder):
        raise FtctlError(Problem("FT5001", f"the local Azure is up already, at {server.url}"))
    if detach:
        warn_of(host)
        arguments = ["--port", str(port), "--host", host]
        arguments += ["--pace", str(pace)] if pace else []
        arguments += ["--retirements", retirements] if retirements else []
        arguments += ["--by-name"] if by_name else []
        server = detached(folder, arguments)
        show(f"The local Azure (not Microsoft Azure) is up at {server.url}")
        tell('For other clients: eval "$(ftctl local env)". To stop it: ftctl local down')
        return
    warn_of(host)
    serve(folder, port, pace, retirements, host=host, by_name=by_name)


@command.command()
def down() -> None:
    """Stop the server. Its state stays."""
    from ftctl.cli.serving import stop  # noqa: PLC0415  see above

    folder = local_folder()
    server = running(folder)
    if server is None:
        show("The local Azure is not up.")
        return
    stop(folder, server)
    show(f"The local Azure is down. Its state stays in {nearby(folder)}.")


@command.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(*, yes: bool) -> None:
    """Forget everything: accounts, files, models, secrets and the clock."""
    from ftctl.cli.serving import forget  # noqa: PLC0415  see above

    folder = local_folder()
    if server := running(folder):
        raise FtctlError(Problem("FT5006", f"the local Azure is up, at {server.url}"))
    if not yes:
        if not interactive():
            raise FtctlError(Problem("FT3103", "there is no terminal to ask for approval", fix="Give `--yes`."))
        if ask(f"Forget all that is in {nearby(folder)}? Only `yes` does it: ") != "yes":
            raise FtctlError(Problem("FT6008", "nothing was forgotten"))
    with usable(folder):
        forget(folder)
    show("The local Azure is empty.")


@command.command()
@output("sh", "json")
def env(output: str) -> None:
    """Print the variables with which other clients find the server.

    \b
      eval "$(ftctl local env)"

    It prints secrets, of the local Azure alone.
    """  # noqa: D301  \b tells click to keep the line
    from ftctl.cli.serving import environment  # noqa: PLC0415  see above
    from ftctl.render.environment import as_json, as_shell  # noqa: PLC0415  the same

    folder = local_folder()
    variables = environment(folder, _server(folder))
    emit(as_json(variables) if output == "json" else as_shell(variables))


@command.group(invoke_without_command=True)
@click.pass_context
def clock(context: click.Context) -> None:
    """Show the local Azure's clock, or move it forward."""
    if context.invoked_subcommand is None:
        folder = local_folder()
        with usable(folder):
            _tell_time(_clock(folder))


@clock.command()
@click.argument("length")
def advance(length: str) -> None:
    """Let LENGTH (45s, 30m, 2h, 2d, 1h30m) pass at once."""
    passed = seconds(length)
    if passed is None:
        raise FtctlError(Problem("FT5007", f'"{length}" is not a length of time'))
    folder = local_folder()
    with usable(folder):
        moved = _clock(folder)
        moved.advance(passed)
        _tell_time(moved)


def _server(folder: Path) -> Server:
    server = running(folder)
    if server is None:
        raise FtctlError(Problem("FT5002", "the local Azure is not up"))
    return server


def _clock(folder: Path) -> OffsetClock:
    from ftctl.core.clock import SystemClock  # noqa: PLC0415  only the clock needs it
    from ftctl.local.azure import OffsetClock  # noqa: PLC0415  the same
    from ftctl.local.store import Store  # noqa: PLC0415  the same

    return OffsetClock(SystemClock(), Store(folder / "state.sqlite"))


def _tell_time(moved: OffsetClock) -> None:
    from ftctl.core.clock import SystemClock  # noqa: PLC0415  only the clock needs it
    from ftctl.render.look import duration  # noqa: PLC0415  the same

    now = moved.now()
    ahead = (now - SystemClock().now()).total_seconds()
    said = f"{duration(ahead)} ahead of this machine" if round(ahead) else "as on this machine"
    lines = look(sys.stdout).wrap(f"The local Azure's clock says {now:%Y-%m-%d %H:%M:%S} UTC, {said}.", "")
    show("\n".join(lines))
