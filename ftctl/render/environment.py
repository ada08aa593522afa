"""Environment variables for a shell and for machines."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping


def as_shell(variables: Mapping[str, str]) -> str:
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


def as_json(variables: Mapping[str, str]) -> str:
    return json.dumps(dict(variables), indent=2)
