"""`ftctl logs`: the events of a training job, followed to its end if asked to."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftctl.cli import options
from ftctl.cli.found import declared, newest
from ftctl.cli.session import Session, session
from ftctl.cli.stream import Stream, streaming
from ftctl.cli.streams import look, show, tell
from ftctl.core.clock import SystemClock
from ftctl.core.errors import Exit, FtctlError, Problem
from ftctl.core.model import Health, Live, Resource
from ftctl.kinds import kinds
from ftctl.render.events import event_lines
from ftctl.render.watched import sentence, watched_json

if TYPE_CHECKING:
    from ftctl.clients.errors import AzureError
    from ftctl.core.events import Watched
    from ftctl.request import Request
    from ftctl.spec.stack import Stack

_ENDS = {Health.READY: Exit.DONE, Health.FAILED: Exit.ERROR, Health.CANCELLED: Exit.ERROR}
_PATIENCE = 30 * 60.0  # seconds without an answer that can pass before following ends; each call has its own before
_HICCUPS = frozenset({0, 408, 429})  # no answer, timed out, too often; and every fault of the service


@click.command(name="logs")
@click.argument("job")
@click.option("--follow", is_flag=True, help="Go on until the job has ended.")
@options.files
@options.selection
@options.stream
@options.tracing
def command(
    job: str,
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    trace: str | None,
    *,
    follow: bool,
    streamed: bool,
) -> int:
    """Show the events of the newest training of JOB, the oldest first.

    JOB is its name in the stack. With --follow the exit code says how the
    training ended: 0 succeeded, 1 failed or cancelled.
    """
    request = options.request(paths, environment, variables)
    with _stream(streamed=streamed) as (stream, told), session(request, trace) as opened:
        stack, resource = declared(opened.stacks, "job", job)
        log = _Log(opened, stack, resource, newest(opened, stack, resource), stream)
        try:
            (log.follow if follow else log.read)()
            code = _ENDS[log.live.health] if follow else Exit.DONE
        except KeyboardInterrupt:
            tell(f"The training goes on in Azure. To follow it again:\n  {_again(job, paths, request)}")
            code = Exit.INTERRUPTED
        told.append(log.conclude(known=code is not Exit.INTERRUPTED))
        if stream:
            stream.report(code, told, ())
    return code


@contextmanager
def _stream(*, streamed: bool) -> Iterator[tuple[Stream | None, list[dict[str, Any]]]]:
    told: list[dict[str, Any]] = []
    if not streamed:
        yield None, told
        return
    with streaming(SystemClock(), told) as stream:
        yield stream, told


def _again(job: str, paths: tuple[Path, ...], request: Request) -> str:
    files = [word for path in paths for word in ("-f", str(path))]
    return shlex.join(["ftctl", "logs", job, "--follow", *files, *options.selected(request)])


@dataclass(slots=True)
class _Log:
    """The events of a training, each shown once."""

    opened: Session
    stack: Stack
    resource: Resource
    live: Live
    stream: Stream | None
    last: str = ""
    seen: set[str] = field(default_factory=set)

    def read(self) -> None:
        """Show what is new. Events that the service tells twice, on two pages or in two answers, are told once."""
        data = self.opened.clients(self.stack).data(self.live.outputs["endpoint"])
        for event in data.events_since(self.live.id, self.last):
            if event["id"] not in self.seen:
                self.seen.add(event["id"])
                self._show(event)
            self.last = event["id"]

    def _show(self, event: dict[str, Any]) -> None:
        if self.stream:
            self.stream.log(str(self.resource.address), self.live.id, event)
            return
        for line in event_lines(event, look(sys.stdout)):
            show(line)

    def follow(self) -> None:
        """Until the job has ended. The service may be out of reach for a while: the job does not mind, nor do we."""
        from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

        clock, heard = self.opened.clock, self.opened.clock.now()
        ended, answered = False, True
        while not ended:
            try:
                # First the state and then the events: so the last ones are never missed.
                ended = self._ended()
                self.read()
                heard, answered = clock.now(), True
            except AzureError as error:
                if error.missing:
                    raise self._gone() from None
                if not _passing(error) or (clock.now() - heard).total_seconds() > _PATIENCE:
                    raise
                if answered:
                    tell(f"{error.problem.what} Asking again; the training goes on.")
                ended = answered = False
            if not ended:
                clock.sleep(self.opened.clients(self.stack).cloud.poll_seconds)

    def _ended(self) -> bool:
        if self.live.health is Health.PENDING:
            clients = self.opened.clients(self.stack)
            found = kinds()["job"].refresh(clients, self.live, self.stack.home, lambda _far: None)
            if found is None:
                raise self._gone()
            self.live = found
        return self.live.health is not Health.PENDING

    def _gone(self) -> FtctlError:
        return FtctlError(Problem("FT6020", f"{self.live.id} is no longer there", subject=str(self.resource.address)))

    def conclude(self, *, known: bool) -> dict[str, Any]:
        """Say how the training is, or ended, where that was asked just now; gives the same for machines."""
        far = self._far() if known and self.live.health is Health.PENDING else None
        status = str(self.live.outputs.get("status") or self.live.health)
        wide = look(sys.stderr)
        head = f"{self.resource.address} ({self.live.id}): "
        tell("\n".join(wide.wrap(sentence(far, wide) if far else status, head, "  ")))
        return {
            "stack": self.stack.name,
            "address": str(self.resource.address),
            "job": self.live.id,
            "status": status,
            **({"watched": watched_json(far)} if far else {}),
        }

    def _far(self) -> Watched | None:
        declared = {one.address: one for one in self.stack.resources}
        clients, now = self.opened.clients(self.stack), self.opened.clock.now().timestamp()
        return kinds()["job"].watch(clients, self.live, declared[self.resource.address], declared, now)


def _passing(error: AzureError) -> bool:
    return error.status in _HICCUPS or error.status >= 500  # noqa: PLR2004  HTTP's own number
