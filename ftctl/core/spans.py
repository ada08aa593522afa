"""Spans: what is being done and for how long, for whoever listens. Nobody does unless OpenTelemetry is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, Protocol, TypeVar

Facts = Mapping[str, Any]
P = ParamSpec("P")
T = TypeVar("T")


class Listener(Protocol):
    """Where spans go. `parent` is what `begin` gave, None for none."""

    def begin(self, name: str, parent: Any, facts: Facts) -> Any: ...
    def note(self, span: Any, facts: Facts) -> None: ...
    def end(self, span: Any, *, failed: str) -> None: ...
    def past(self, name: str, parent: Any, facts: Facts, *, seconds: float, failed: str) -> None: ...


_current: ContextVar[Any] = ContextVar("span", default=None)
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have `listener` told of all spans meanwhile."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def begin(name: str, facts: Facts) -> Any:
    """Begin a span that another thread may go on with; None where nobody listens."""
    return _listeners[-1].begin(name, _current.get(), facts) if _listeners else None


def end(span: Any, facts: Facts, *, failed: str = "") -> None:
    """End it; `failed` says in a word what was wrong."""
    if _listeners and span is not None:
        _listeners[-1].note(span, facts)
        _listeners[-1].end(span, failed=failed)


@contextmanager
def within(span: Any) -> Iterator[None]:
    """What is done here belongs to `span`."""
    before = _current.set(span)
    try:
        yield
    finally:
        _current.reset(before)


@contextmanager
def span(name: str, facts: Facts | None = None) -> Iterator[None]:
    """What is done here is a span, and what is done for it belongs to it."""
    if not _listeners:
        yield
        return
    made = begin(name, facts or {})
    failed = "interrupted"
    try:
        with within(made):
            yield
        failed = ""
    except Exception as error:
        failed = _word(error)
        raise
    finally:
        end(made, {}, failed=failed)


def note(facts: Facts) -> None:
    """Say more of the span that this belongs to."""
    if _listeners and (made := _current.get()) is not None:
        _listeners[-1].note(made, facts)


def past(name: str, facts: Facts, *, seconds: float, failed: str = "") -> None:
    """A span that is over by now and took so long."""
    if _listeners:
        _listeners[-1].past(name, _current.get(), facts, seconds=seconds, failed=failed)


def heard() -> bool:
    """Whether anybody listens."""
    return bool(_listeners)


def carried(function: Callable[P, T]) -> Callable[P, T]:
    """`function` for other threads, where it belongs to what this thread does."""
    if not _listeners:
        return function
    here = _current.get()

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with within(here):
            return function(*args, **kwargs)

    return call


def _word(error: Exception) -> str:
    """A word for what was wrong: an error's code, or the name of its type; never its text."""
    problems = getattr(error, "problems", ())
    return str(problems[0].code) if problems else type(error).__name__
