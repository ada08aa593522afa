"""What `removed: {keep: true}` means for a plan: what would be deleted is forgotten, and stays in Azure. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from ftctl.core.changes import Action, Change, Reason
from ftctl.core.model import Address, ChangeClass, Home

_PARTS = {Reason.DESTROYED, Reason.UNDECLARED, Reason.SUPERSEDED, Reason.EXPIRED, Reason.REFERENCED}
_FORGOTTEN = "ftctl's marks are taken away: it is nobody's then, and no plan touches it"
_LEFT = "its name in Azure carries the stack's mark for good: it stays as long as `removed` says so, or as its account"


class _Rules(Protocol):
    @property
    def markable(self) -> bool: ...
    def label(self, name: str) -> str: ...


def parted(
    changes: Iterable[Change], removed: Collection[Address], rules: Mapping[str, _Rules], home: Home
) -> list[Change]:
    """The changes, with all that `removed` names left as it is instead of deleted or cancelled."""
    named = {(one.kind, rules[one.kind].label(one.name)) for one in removed}
    return [
        _parted(change, markable=rules[change.kind].markable) if _meant(change, named, home) else change
        for change in changes
    ]


def _meant(change: Change, named: Collection[tuple[str, str]], home: Home) -> bool:
    """Whether it is this stack's, carries the name, and would go; or is only read from now on."""
    live = change.live
    if live is None or live.owner != home.stack or change.reason not in _PARTS:
        return False
    return (change.kind, live.label) in named


def _parted(change: Change, *, markable: bool) -> Change:
    kept = replace(change, change_class=ChangeClass.NONE, before={}, problem=None)
    if not markable:
        return replace(kept, action=Action.NOOP, reason=Reason.LEFT, because=(_LEFT,))
    kept = replace(kept, action=Action.FORGET, reason=Reason.FORGOTTEN, change_class=ChangeClass.METADATA)
    return replace(kept, because=(_FORGOTTEN,))
