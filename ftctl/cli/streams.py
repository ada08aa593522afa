"""Where text goes: results to stdout, progress and problems to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

from ftctl.core.errors import FtctlError, Problem
from ftctl.render.findings import document, problems_json
from ftctl.render.look import Look, look_of
from ftctl.render.problems import problems_text


def look(stream: TextIO) -> Look:
    return look_of(stream, os.environ)


def show(text: str) -> None:
    """A result, for people."""
    print(text, flush=True)


def emit(text: str) -> None:
    """A result, for machines: always in UTF-8. Nothing is no line either."""
    sys.stdout.flush()
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    print(text, end="\n" if text else "", flush=True)


def tell(text: str) -> None:
    """Something beside the result."""
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)


def complain(problems: Iterable[Problem]) -> None:
    problems = tuple(problems)
    if problems:
        tell("\n" + problems_text(problems, look(sys.stderr)))


def interactive() -> bool:
    """Whether somebody is there to answer a question."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(question: str) -> str:
    """The answer to a question, empty when nobody gives one."""
    sys.stdout.flush()
    sys.stderr.write(question)
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        sys.stderr.write("\n")
    return answer.strip()


@contextmanager
def errors_as(output: str) -> Iterator[None]:
    """With `json`, what stops a command is on stdout as JSON too, so that a machine always gets a document."""
    try:
        yield
    except FtctlError as error:
        if output == "json":
            emit(document(problems=problems_json(error.problems)))
        raise
