"""Digests: what binds an approval, a declaration or a recipe to its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from ftctl.core.model import Unknown


def plain(value: Any) -> Any:
    """`value` as JSON knows it: an unknown says where it will come from."""
    match value:
        case Unknown():
            return {"unknown": f"{value.source}.{value.output}"}
        case Enum():
            return value.value
        case Mapping():
            return {str(key): plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case _:
            return value


def canonical(value: Any) -> str:
    """The one JSON text of a value."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    """sha256 of the canonical text, in hex."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
