"""Where a secret may not stand: in names, which ftctl and Azure show to everybody."""

from __future__ import annotations

from collections.abc import Iterator

from ftctl.core.errors import Problem
from ftctl.core.sensitive import Secrets
from ftctl.spec.tree import Path
from ftctl.spec.variables import SECTION, Substituted
from ftctl.spec.words import dotted, problem

_NAMES = {"name", "suffix", "subdomain", "adopt", "fileId"}
_TOPS = {"stack", "azure"}


def named(result: Substituted) -> Iterator[Problem]:
    """A problem for each name that a declared secret was made part of."""
    variables = result.document.root.child(SECTION)
    declared = variables.value if variables and isinstance(variables.value, dict) else {}
    sure = {text: name for text, name in result.hidden.names.items() if name in declared}
    for path, node in result.document.root.walk():
        if _names(path) and isinstance(node.value, str) and Secrets(sure).holds(node.value):
            where = result.document.where(path)
            yield problem("FT3115", where, f"{dotted(path)} would show a secret")


def _names(path: Path) -> bool:
    return bool(path) and path[0] != SECTION and (path[-1] in _NAMES or path[0] in _TOPS)
