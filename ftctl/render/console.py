"""Live progress on a terminal, one line for each step that runs; plain lines elsewhere. Alone in using rich."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO, cast

from ftctl.core.clock import Clock
from ftctl.core.events import Event, Stage
from ftctl.render.look import Look, Patient, columns, live, look_of
from ftctl.render.progress import Key, Lines, told
from ftctl.render.running import Running, running_lines

if TYPE_CHECKING:
    from rich.console import Group

_PER_SECOND = 8


def progress(stream: TextIO, clock: Clock, environ: Mapping[str, str], *, redrawn: bool = True) -> Lines | Live:
    """What shows progress on `stream`: enter it, give it events, leave it. `redrawn` where nobody else writes there."""
    look = look_of(stream, environ)
    return Live(stream, clock, look, environ) if redrawn and live(stream, environ) else Lines(stream, look)


class Live:
    """Redraws a line for each running step, and leaves one behind for each that has ended; an `Emit`."""

    def __init__(self, stream: TextIO, clock: Clock, look: Look, environ: Mapping[str, str]) -> None:
        from rich.console import Console  # noqa: PLC0415  50 ms that only a terminal needs
        from rich.live import Live as Redrawn  # noqa: PLC0415  the same
        from rich.spinner import Spinner  # noqa: PLC0415  the same

        self._clock, self._look = clock, look
        self._stream, self._environ = stream, environ
        self._running: dict[Key, Running] = {}
        self._spinner = Spinner("dots" if look.unicode else "line")
        self._console = Console(
            file=cast("TextIO", Patient(stream)),
            no_color=not look.colour,
            color_system="standard" if look.colour else None,
            force_terminal=True,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._drawn = Redrawn(
            console=self._console,
            get_renderable=self._lines,
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
        if event.stage in {Stage.STARTED, Stage.PROGRESS}:
            self._running[key] = Running.of(event, self._running.get(key))
        else:
            self._running.pop(key, None)
            self._drawn.refresh()  # else its line would be drawn once more, below the one that ends it
            self.say(told(event, self._look))

    def say(self, text: str) -> None:
        """A line above those that are redrawn."""
        from rich.text import Text  # noqa: PLC0415  see above

        self._console.print(Text.from_ansi(text), soft_wrap=True)

    def _lines(self) -> Group:
        """The lines in the width of now: a terminal may be made narrower, and a line that wraps cannot be redrawn."""
        from rich.console import Group  # noqa: PLC0415  see above
        from rich.text import Text  # noqa: PLC0415  the same

        width = columns(self._stream, self._environ)
        self._console.width = width
        mark = str(self._spinner.render(self._console.get_time()))
        room = width - len(mark) - 2  # the last column stays free: some terminals wrap there already
        lines = running_lines(list(self._running.values()), self._clock.now(), self._look, room)
        return Group(*(Text(f"{mark} {line}", no_wrap=True, overflow="crop") for line in lines))
