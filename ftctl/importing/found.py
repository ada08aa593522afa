"""What an import found: the accounts with all that lives in them, and what was written of it so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ftctl.core.model import Health, Home, Live
from ftctl.importing.draft import Entry, Names, Section
from ftctl.importing.emit import safe
from ftctl.results.job import Checkpoint


@dataclass(frozen=True, slots=True)
class Found:
    """The live things of the accounts that are imported. `kept` are the checkpoints of each job, by its id."""

    home: Home
    accounts: tuple[Live, ...]
    lives: tuple[Live, ...]
    kept: Mapping[str, Sequence[Checkpoint]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    """What the spec calls each account, by its key."""

    def inside(self, kind: str) -> list[Live]:
        """The things of a kind that live in the accounts: the stack's own first, then the older."""
        keys = {one.key for one in self.accounts}
        some = [one for one in self.lives if one.kind == kind and one.within in keys]
        return sorted(some, key=lambda one: (not self.owns(one), one.created, one.name, one.id))

    def owns(self, live: Live) -> bool:
        return live.owner == self.home.stack

    def place(self, live: Live) -> dict[str, Any]:
        """In which account it lives, where that has to be said."""
        return {"resource": self.names[live.within]} if len(self.accounts) > 1 else {}

    def hold(self, live: Live, *, fully: bool = True) -> dict[str, Any]:
        """Whether the stack manages it: only what carries its mark, and what a spec can say `fully`."""
        return {} if self.owns(live) and fully else {"manage": "reference"}


@dataclass(slots=True)
class Page:
    """A section while it is written. What has no declaration is remarked on in the file, and noted for who asked."""

    kind: str
    notes: list[str]
    entries: list[Entry] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    names: Names = field(default_factory=Names)

    def leave(self, what: str, why: str) -> None:
        """Something that is not declared."""
        said = safe(f"{what} is not declared: {why}")
        self.after.append(said)
        self.notes.append(said)

    def remark(self, name: str, about: str) -> str:
        """Something about a declared thing that a spec cannot say."""
        self.notes.append(safe(f"{self.kind}/{name}: {about}"))
        return about

    def section(self) -> Section:
        return Section(tuple(self.entries), tuple(self.after))


def state(live: Live) -> str:
    """How far a thing is, for a remark."""
    return {Health.PENDING: "it is still on its way", Health.FAILED: "it failed", Health.CANCELLED: "it was cancelled"}[
        live.health
    ]
