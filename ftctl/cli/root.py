"""The command group: which commands there are, and the one place where errors become text and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import click

from ftctl import __version__
from ftctl.cli.lazy import LazyGroup
from ftctl.cli.reading import watch

if TYPE_CHECKING:
    from ftctl.core.errors import Problem

_DONE, _ERROR, _USAGE, _INTERRUPTED = 0, 1, 64, 130  # ftctl.core.errors.Exit, which costs 40 ms to import

COMMANDS = {
    "init": "Write a stack to start from",
    "import": "Write a spec of what there is: a live account, or azd's job files",
    "validate": "Check specs and data, offline",
    "plan": "Show what apply would do; reads only",
    "show": "Show a saved plan, in every form",
    "apply": "Make Azure as it is declared",
    "adopt": "Mark things in Azure as a stack's, and change nothing else",
    "rollback": "Put a deployment back to the model that it served before",
    "destroy": "Delete everything that the stacks own",
    "drift": "Show what has changed in Azure since the last apply",
    "status": "Show what is declared and how it is",
    "logs": "Show the events of a training job",
    "results": "Show what a training measured, and how it went",
    "cost": "Show what trainings and deployments cost, estimated and billed",
    "job": "Try a job's grader before it is trained",
    "chat": "Talk to a deployment",
    "env": "Print an account's endpoint for a shell",
    "keys": "Show or rotate an account's keys",
    "data": "Look into training data: lint, stats, diff, prune",
    "local": "Run the local Azure for other clients",
    "graph": "Draw what needs what in a stack",
    "lineage": "Show where what serves comes from: job, data, revision",
    "schema": "Print the JSON Schema of a spec",
    "explain": "Say what an error code means",
    "version": "Print the version",
}


class Commands(LazyGroup):
    """All commands; an unknown one is told in our words."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name.startswith("-") or name in COMMANDS:
            return super().resolve_command(ctx, args)
        raise _unknown_command(name)


@click.command(
    cls=Commands,
    table=COMMANDS,
    modules="ftctl.cli.",
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    epilog="Every command has its own help: ftctl plan --help",
)
@click.version_option(__version__, message="ftctl %(version)s")
@click.pass_context
def group(context: click.Context) -> None:
    """Plan and apply for Azure OpenAI fine-tuning: account, roles, data, jobs and deployments from one YAML file.

    \b
    To begin, on a laptop with no Azure:
      ftctl init && ftctl apply
    """  # noqa: D301  \b tells click to keep the lines
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Raises nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a character that a terminal does not know is no reason to fall over
            stream.reconfigure(errors="backslashreplace")
    watch()
    try:
        return _traced(arguments) if any(name.startswith("OTEL_") for name in os.environ) else _guarded(arguments)
    except BrokenPipeError:
        # Whoever read the output has left; what Python flushes at its end must not fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _ERROR
    except KeyboardInterrupt:
        return _INTERRUPTED


def _traced(arguments: Sequence[str]) -> int:
    """Run it as a span, where OpenTelemetry is asked for."""
    from ftctl.cli.telemetry import asked, traced  # noqa: PLC0415  only when asked for

    if not asked(os.environ):
        return _guarded(arguments)
    name = next((word for word in arguments if word in COMMANDS), "")
    with traced(f"ftctl {name}".strip(), lambda text: print(text, file=sys.stderr, flush=True)) as ended:
        code = _guarded(arguments)
        ended(code)
    return code


def _guarded(arguments: Sequence[str]) -> int:
    try:
        with group.make_context("ftctl", list(arguments)) as context:
            code = group.invoke(context)
        sys.stdout.flush()
        return int(code or _DONE)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.Abort:
        return _INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        return _DONE
    except click.ClickException as error:
        _tell(_usage(error))
        return _USAGE
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001  the one place where anything at all is told to people
        return _failed(error)


def _failed(error: Exception) -> int:
    from ftctl.core.errors import FtctlError  # noqa: PLC0415  only when something is wrong

    if isinstance(error, FtctlError):
        _tell(*error.problems)
        return int(error.exit)
    if os.environ.get("FTCTL_DEBUG"):
        raise error
    _tell(_bug(error))
    return _ERROR


def _tell(*problems: Problem) -> None:
    from ftctl.render.look import look_of  # noqa: PLC0415  only when something is wrong
    from ftctl.render.problems import problems_text  # noqa: PLC0415  the same

    if problems:
        sys.stdout.flush()
        print(problems_text(problems, look_of(sys.stderr, os.environ)), file=sys.stderr)


def _bug(error: Exception) -> Problem:
    """What is told of an unexpected exception: where it happened, not its text, which may hold anything."""
    from ftctl.core.errors import Problem  # noqa: PLC0415  only when something is wrong

    trace: Any = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    module = trace.tb_frame.f_globals.get("__name__", "?")
    return Problem(
        "FT6900", f"ftctl {__version__} has a bug: {type(error).__name__} in {module}, line {trace.tb_lineno}"
    )


def _unknown_command(name: str) -> Exception:
    from ftctl.core.errors import FtctlError, Problem  # noqa: PLC0415  only when something is wrong
    from ftctl.core.suggest import did_you_mean  # noqa: PLC0415  the same

    fix = f"{did_you_mean(name, COMMANDS)} Run `ftctl --help` for all commands.".strip()
    return FtctlError(Problem("FT6001", f'there is no command "{name}"', fix=fix))


def _usage(error: click.ClickException) -> Problem:
    """Click's own complaint in our form, with how the command is used."""
    from ftctl.core.errors import Problem  # noqa: PLC0415  only when something is wrong

    context = getattr(error, "ctx", None)
    path = context.command_path if context else "ftctl"
    what = error.format_message().strip().rstrip(".")
    return Problem("FT6002", what[:1].lower() + what[1:], fix=f"Run `{path} --help` to see what it takes.")
