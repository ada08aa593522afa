"""`ftctl chat`: talk to a deployment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftctl.cli import options
from ftctl.cli.found import declared, newest
from ftctl.cli.session import session
from ftctl.cli.streams import ask, interactive, tell
from ftctl.core.model import Resource
from ftctl.render.look import clean

if TYPE_CHECKING:
    from ftctl.spec.stack import Stack

Message = dict[str, str]
Answer = Callable[[list[Message]], Iterator[str]]


@click.command(name="chat")
@click.argument("deployment")
@click.option("--once", metavar="TEXT", help="Ask this, print the answer and end.")
@click.option("--system", metavar="TEXT", help="The system message.  [default: the training data's]")
@click.option("--max-tokens", type=click.IntRange(1), default=800, metavar="N", help="Longest answer.  [default: 800]")
@options.files
@options.selection
@options.tracing
def command(
    deployment: str,
    once: str | None,
    system: str | None,
    max_tokens: int,
    paths: tuple[Path, ...],
    environment: str | None,
    variables: dict[str, str],
    trace: str | None,
) -> None:
    """Talk to DEPLOYMENT, named as in the stack.

    It gets the system message that its model was trained with, where the
    training data has exactly one. Without --once, lines are read from the
    terminal or a pipe, and the talk is remembered.
    """
    with session(options.request(paths, environment, variables), trace) as opened:
        stack, resource = declared(opened.stacks, "deployment", deployment)
        live = newest(opened, stack, resource)
        data = opened.clients(stack).data(live.outputs["endpoint"])
        answer = partial(_answer, partial(data.chat_stream, live.name, max_tokens=max_tokens))
        system = trained_system(stack, resource) if system is None else system
        talk = [{"role": "system", "content": system}] if system else []
        for text in [once] if once is not None else _questions(live.name):
            talk.append({"role": "user", "content": text})
            talk.append({"role": "assistant", "content": answer(talk)})


def trained_system(stack: Stack, resource: Resource) -> str | None:
    """The system message of the data that a deployment's model learned from, by way of its references."""
    for address in resource.references:
        if address.kind in {"job", "pick"}:
            return trained_system(stack, stack.resource(address))
        if address.kind == "dataset":
            facts = stack.resource(address).prepared
            return facts.get("system") if facts.get("systems") == 1 else None
    return None


def _questions(name: str) -> Iterator[str]:
    """What the user says, line by line; prompts only where somebody sees them."""
    if not interactive():
        yield from filter(None, map(str.strip, sys.stdin))
        return
    tell(f"Talking to {name}. An empty line or Ctrl-D ends it.")
    while text := ask("\nyou> "):
        yield text


def _answer(stream: Answer, talk: list[Message]) -> str:
    """Print an answer as it comes, and return it."""
    pieces = []
    for piece in stream(talk):
        pieces.append(piece)
        sys.stdout.write(clean(piece))
        sys.stdout.flush()
    sys.stdout.write("\n")
    sys.stdout.flush()
    return "".join(pieces)
