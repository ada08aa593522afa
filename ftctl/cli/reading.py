"""One line on a terminal while a large data file is read: how much of it, how fast, how long it will take."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ftctl.data.watch import Progress, watching

LARGE = 50_000_000  # bytes; what is smaller has been read before anybody wonders
_CLEAR = "\r\x1b[K"


def watch() -> None:
    """Show it, where stderr is a terminal that can redraw a line."""
    redrawn = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    watching.set(_line if redrawn else None)


@contextmanager
def _line(shown: str) -> Iterator[Progress]:
    from ftctl.kinds.transfer import progressed  # noqa: PLC0415  only where data is read, which has loaded it
    from ftctl.render.look import Patient, clean, look_of  # noqa: PLC0415  the same

    stream, width = Patient(sys.stderr), look_of(sys.stderr, os.environ).width
    began, drawn = time.perf_counter(), False

    def tell(done: int, size: int) -> None:
        nonlocal drawn
        if size >= LARGE:
            text = f"reading {clean(shown)}: {progressed(done, size, time.perf_counter() - began)}"
            stream.write(_CLEAR + text[: width - 1])
            stream.flush()
            drawn = True

    try:
        yield tell
    finally:
        if drawn:
            stream.write(_CLEAR)
            stream.flush()
