"""The kinds of resources: one file each, found by being in this folder."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from ftctl.kinds.contract import Kind


@cache
def kinds() -> dict[str, Kind]:
    """Every kind by its name, in the order in which a stack is built up (an account before what lives in it)."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    found = [module.KIND for module in modules if hasattr(module, "KIND")]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: kind.rank)}
