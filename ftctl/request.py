"""What the command line asks of the workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ftctl.core.model import Address


@dataclass(frozen=True, slots=True)
class Request:
    """Which stacks, in which environment, and what to be allowed.

    Of the stacks at `paths` those alone that are touched since a git revision, and of these those alone in `only`.
    """

    paths: tuple[Path, ...] = (Path("specs"),)
    environment: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    adopt: tuple[Address, ...] = ()
    retry: tuple[Address, ...] = ()
    max_cost: float | None = None
    max_deletes: int | None = None
    allow: tuple[str, ...] = ()
    policies: tuple[Path, ...] = ()
    changed_since: str | None = None
    only: tuple[str, ...] | None = None
