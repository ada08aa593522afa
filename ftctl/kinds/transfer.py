"""How far an upload is, in words for people: a few times a second, with its rate and the time that is left."""

from __future__ import annotations

import time

from ftctl.kinds.contract import Progress
from ftctl.render.look import duration

_EVERY = 0.3  # seconds
_UNITS = (("GB", 1e9, 1), ("MB", 1e6, 0), ("kB", 1e3, 0))


class Meter:
    """Told how many bytes of how many are done; short transfers end before it says anything."""

    def __init__(self, progress: Progress, doing: str) -> None:
        self._progress, self._doing = progress, doing
        self._began = self._told = time.perf_counter()

    def __call__(self, done: int, size: int) -> None:
        now = time.perf_counter()
        if now - self._told >= _EVERY and done:
            self._told = now
            self._progress(f"{self._doing} {progressed(done, size, now - self._began)}")


def progressed(done: int, size: int, seconds: float) -> str:
    """`37 of 200 MB, 12 MB/s, 14 s left`: in the unit of the whole, the rate over all of the time."""
    rate = done / seconds
    unit, factor, digits = _unit(size)
    left = duration(max(1.0, (size - done) / rate))
    return f"{done / factor:.{digits}f} of {size / factor:.{digits}f} {unit}, {amount(rate)}/s, {left} left"


def amount(size: float) -> str:
    """A number of bytes: `1.2 GB`, `64 MB`, `3 kB`."""
    unit, factor, digits = _unit(size)
    return f"{size / factor:.{digits}f} {unit}"


def _unit(size: float) -> tuple[str, float, int]:
    return next((unit for unit in _UNITS if size >= unit[1]), _UNITS[-1])
