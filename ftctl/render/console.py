"""Live progress on a terminal, one line for each step that runs; plain lines elsewhere. Alone in using rich."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO, cast

from ftctl.core.clock import Clock
from ftctl.core.events import Event, Stage
from ftctl.render.look import Look, Patient, clean, duration, live, look_of
from ftctl.render.progress import DOING, Key, Lines, told

if TYPE_CHECKING:
    from rich.table import Table

_PER_SECOND = 8


def progress(stream: TextIO, clock: Clock, environ: Mapping[str, str]) -> Lines | Live:
    """What shows progress on `stream`: enter it, give it events, leave it."""
    look = look_of(stream, environ)
    return Live(stream, clock, look) if live(stream, environ) else Lines(stream, look)


@dataclass(slots=True)
class _Running:
    since: datetime
    doing: str
    detail: str = ""


class Live:
    """Redraws a line for each running step, and leaves one behind for each that has ended; an `Emit`."""

    def __init__(self, stream: TextIO, clock: Clock, look: Look) -> None:
        from rich.console import Console  # noqa: PLC0415  50 ms that only a terminal needs
        from rich.live import Live as Redrawn  # noqa: PLC0415  the same
        from rich.spinner import Spinner  # noqa: PLC0415  the same

        self._clock, self._look = clock, look
        self._running: dict[Key, _Running] = {}
        self._spinner = Spinner("dots" if look.unicode else "line")
        self._console = Console(
            file=cast("TextIO", Patient(stream)),
            width=look.width,
            no_color=not look.colour,
            color_system="standard" if look.colour else None,
            force_terminal=True,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._drawn = Redrawn(
            console=self._console,
            get_renderable=self._table,
            refresh_per_second=_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._drawn.start(refresh=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drawn.stop()

    def __call__(self, event: Event) -> None:
        key = event.address, event.op
        match event.stage:
            case Stage.STARTED:
                self._running[key] = _Running(event.at, DOING[event.op] if event.op else "", clean(event.text))
            case Stage.PROGRESS:
                running = self._running.setdefault(key, _Running(event.at, DOING[event.op] if event.op else ""))
                running.detail = clean(event.text)
            case _:
                self._running.pop(key, None)
                self.say(told(event, self._look))

    def say(self, text: str) -> None:
        """A line above those that are redrawn."""
        from rich.text import Text  # noqa: PLC0415  see above

        self._console.print(Text.from_ansi(text), soft_wrap=True)

    def _table(self) -> Table:
        from rich.table import Table  # noqa: PLC0415  see above

        table = Table.grid(padding=(0, 1))
        table.add_column()
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right")
        table.add_column(no_wrap=True, overflow="ellipsis")
        now = self._clock.now()
        for (address, _), running in list(self._running.items()):
            spent = duration(max(0.0, (now - running.since).total_seconds()))
            table.add_row(self._spinner, f"{address}: {running.doing}", spent, running.detail)
        return table
