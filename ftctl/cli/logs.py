"""`ftctl logs`: the events of a training job."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftctl.cli import options
from ftctl.cli.found import declared, newest
from ftctl.cli.session import Session, session
from ftctl.cli.streams import look, show, tell
from ftctl.core.errors import Exit
from ftctl.core.model import Health, Live
from ftctl.kinds import kinds
from ftctl.render.events import event_lines

if TYPE_CHECKING:
    from ftctl.spec.stack import Stack

_ENDS = {Health.READY: Exit.DONE, Health.FAILED: Exit.ERROR, Health.CANCELLED: Exit.ERROR}


@click.command(name="logs")
@click.argument("job")
@click.option("--follow", is_flag=True, help="Go on until the job has ended.")
@options.files
@options.selection
@options.tracing
def command(
    job: str,
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    trace: str | None,
    *,
    follow: bool,
) -> int:
    """Show the events of the newest training of JOB, the oldest first.

    JOB is its name in the stack. With --follow the exit code says how the
    training ended: 0 succeeded, 1 failed or cancelled.
    """
    with session(options.request(paths, environment, variables), trace) as opened:
        stack, resource = declared(opened.stacks, "job", job)
        live = newest(opened, stack, resource)
        seen = _show(_events(opened, stack, live, ""), "")
        while follow and live.health is Health.PENDING:
            opened.clock.sleep(opened.clients(stack).cloud.poll_seconds)
            # First the state and then the events: so the last ones are never missed.
            live = _again(opened, stack, live)
            seen = _show(_events(opened, stack, live, seen), seen)
        tell(f"{resource.address} ({live.id}): {live.outputs.get('status') or live.health}")
    return _ENDS[live.health] if follow else Exit.DONE


def _again(opened: Session, stack: Stack, live: Live) -> Live:
    found = kinds()["job"].refresh(opened.clients(stack), live, stack.home, lambda _words: None)
    return found or live


def _events(opened: Session, stack: Stack, live: Live, seen: str) -> list[dict[str, Any]]:
    return opened.clients(stack).data(live.outputs["endpoint"]).events_since(live.id, seen)


def _show(events: Iterable[dict[str, Any]], seen: str) -> str:
    """Print events; gives the id of the last one."""
    for event in events:
        for line in event_lines(event, look(sys.stdout)):
            show(line)
        seen = event["id"]
    return seen
