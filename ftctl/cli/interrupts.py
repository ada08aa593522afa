"""Ctrl-C while Azure is being changed: the first one asks to stop, the second one leaves."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from ftctl.core.errors import Exit

_SHOW_CURSOR = "\x1b[?25h"


@contextmanager
def stopping(ask: Callable[[], None], say: Callable[[str], None]) -> Iterator[None]:
    """Call `ask` at the first SIGINT or SIGTERM and say what that means; leave the process at the second."""
    asked = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            leave()
        asked = True
        ask()
        with suppress(RuntimeError):  # the stream was being written to just now
            say("\n".join(MESSAGE))

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[signal.Signals, Any] = {
        number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


MESSAGE = (
    "Stopping: nothing new is begun, and calls under way are finished.",
    "What Azure is working on goes on there; training is not cancelled.",
    "Press Ctrl-C again to leave at once.",
)


def leave() -> None:
    """End at once, without waiting for threads; a terminal gets its cursor back."""
    with suppress(OSError, ValueError, RuntimeError):
        sys.stdout.flush()
        if sys.stderr.isatty():
            sys.stderr.write(_SHOW_CURSOR + "\n")
            sys.stderr.flush()
    os._exit(Exit.INTERRUPTED)
