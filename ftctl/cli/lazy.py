"""A group of commands whose modules are imported when they are used: help must not wait for what it does not show."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click


class LazyGroup(click.Group):
    """`table` has the commands and what help says of them; each is `command` in the module `modules` + its name.

    Behind a name that is a word of Python's stands a `_`.
    """

    def __init__(self, *args: Any, table: Mapping[str, str], modules: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.table = table
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        if cmd_name not in self.table:
            return None
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = import_module(f"{self._modules}{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(self.table.items()))
