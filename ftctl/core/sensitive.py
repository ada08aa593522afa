"""Values that came from secret variables, and how plans, problems and reports are told without them. Pure.

What is hidden is known by where it came from: the text that a secret variable had, wherever that has flowed to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from functools import cached_property, wraps
from hashlib import sha256
from typing import Any, ParamSpec, TypeVar

from ftctl.core.changes import Change, Plan
from ftctl.core.diff import FieldChange
from ftctl.core.digest import canonical
from ftctl.core.errors import FtctlError, Where
from ftctl.core.model import Address, Home, Live, Unknown

P = ParamSpec("P")
T = TypeVar("T")

SHORTEST = 6  # characters: what is shorter cannot be told from other text
_HEAD = 12  # characters after which a text that was cut is known by its beginning
_LEAVES = (Address, Home, Where, Unknown, Enum, bool, type(None))


def sealed(value: Any) -> str:
    """What stands for a value: the same for the same value, so that a digest is bound to it."""
    text = value if isinstance(value, str) else canonical(value)
    return f"(sensitive {sha256(f'ftctl:{text}'.encode()).hexdigest()[:12]})"


@dataclass(frozen=True)
class Secrets:
    """The secret texts of a stack, each with the name of its variable."""

    names: dict[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Any of them whole, the longest first, or what is left of one that was cut."""
        longest = sorted(self.names, key=len, reverse=True)
        heads = [f"{re.escape(text[:_HEAD])}[^\\s\"'<>]*" for text in longest if len(text) > _HEAD]
        return re.compile("|".join([*map(re.escape, longest), *heads]), re.IGNORECASE)

    def text(self, text: str) -> str:
        return self._pattern.sub(lambda found: sealed(found[0]), text) if self.names else text

    def holds(self, value: Any) -> bool:
        return bool(self.names) and self.told(value) != value

    def told(self, value: Any) -> Any:
        """A value, or any of our own dataclasses, with nothing secret in it."""
        match value:
            case str():
                return str.__str__(self.text(value)) if not isinstance(value, Enum) else value
            case _ if not self.names or isinstance(value, _LEAVES):
                return value
            case int() | float():
                return sealed(str(value)) if str(value) in self.names else value
            case Mapping():
                return {key: self.told(inner) for key, inner in value.items()}
            case list():
                return [self.told(inner) for inner in value]
            case tuple():
                return tuple(self.told(inner) for inner in value)
            case _ if is_dataclass(value) and not isinstance(value, type):
                new = {one.name: self.told(getattr(value, one.name)) for one in fields(value) if one.init}
                return replace(value, **new)
        return value

    def plan(self, plan: Plan) -> Plan:
        """The plan as everybody sees it; `whole` is the one that is carried out."""
        if not self.names:
            return plan
        changes = tuple(map(self._change, plan.changes))
        names = frozenset(self.names.values())
        told = {one: self.told(getattr(plan, one)) for one in ("problems", "preflight")}
        return replace(plan, changes=changes, whole=plan, secret=names, **told)

    def _change(self, change: Change) -> Change:
        """Ids and keys stay: no secret can be part of a name (FT3115)."""
        before, after = self._sides(change.before, change.after)
        live = self._live(change.live, change.after) if change.live else None
        told = {
            one: self.told(getattr(change, one)) for one in ("because", "problem", "findings", "estimate", "suppressed")
        }
        moves = tuple(self._field(one) for one in change.fields)
        return replace(change, before=before, after=after, live=live, fields=moves, **told)

    def _live(self, live: Live, wanted: Mapping[str, Any]) -> Live:
        seen, _ = self._sides(live.fields, wanted)
        outputs = self.told(live.outputs) if "told" in live.outputs else live.outputs
        return replace(live, fields=seen, detail=self.text(live.detail), outputs=outputs)

    def _field(self, one: FieldChange) -> FieldChange:
        before, after = self._sides(one.before, one.after)
        return replace(one, before=before, after=after)

    def _sides(self, before: Any, after: Any) -> tuple[Any, Any]:
        """A value before and after: where a secret is wanted, what was there before may well be an older one."""
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            old = {key: self._sides(inner, after.get(key))[0] for key, inner in before.items()}
            return old, self.told(after)
        hides = self.holds(after) and before not in (None, "")
        return sealed(before) if hides and not isinstance(before, Mapping | list) else self.told(before), self.told(
            after
        )


def discreet(function: Callable[P, T]) -> Callable[P, T]:
    """What goes wrong in a function of a stack is told without the stack's secrets."""

    @wraps(function)
    def call(*words: P.args, **more: P.kwargs) -> T:
        try:
            return function(*words, **more)
        except FtctlError as error:
            for secrets in _secrets((*words, *more.values())):
                error.problems = secrets.told(error.problems)
            error.args = ("; ".join(problem.what for problem in error.problems),)
            raise

    return call


def _secrets(words: Iterable[Any]) -> Iterable[Secrets]:
    return (one.secrets for one in words if isinstance(getattr(one, "secrets", None), Secrets))
