"""Who is told how far the reading of data has come, when those in between need not know: nobody, unless it is set."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar

Progress = Callable[[int, int], None]
"""Is told how many bytes of how many have been read."""

Watch = Callable[[str], AbstractContextManager[Progress]]
"""Gives what to tell while a file is read, by what people call the file."""

watching: ContextVar[Watch | None] = ContextVar("watching", default=None)
