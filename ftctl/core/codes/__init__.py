"""Every error code, a module for each stage that raises some; `ftctl explain` reads them and a test keeps them whole."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ftctl.core.errors import Code

_FOUND = [import_module(f"{__name__}.{module.name}").CODES for module in iter_modules(__path__)]

CODES: dict[str, Code] = {code: told for codes in _FOUND for code, told in sorted(codes.items())}
