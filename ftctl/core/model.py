"""The nouns of the one flow: addresses, values that are not known yet, what is declared and what is live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

from ftctl.core.errors import Problem, Where


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """What a stack calls a thing: `job/tone`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def declared(self) -> Address:
        """The declaration it comes from: of `job/tone:n_epochs=2`, one of several, that is `job/tone`."""
        return Address(self.kind, self.name.partition(":")[0])

    @classmethod
    def parse(cls, text: str) -> Address:
        kind, _, name = text.partition("/")
        return cls(kind, name)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that exists once `source` does."""

    source: Address
    output: str

    def __str__(self) -> str:
        return f"(known after {self.source})"


class Unreadable(Enum):
    """A live value that the service does not give back."""

    UNREADABLE = "(not readable)"


class Health(StrEnum):
    """How far a live thing is."""

    READY = "ready"
    PENDING = "pending"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Pause(StrEnum):
    """Whether a thing on its way stands still: then it goes on only when somebody lets it."""

    NONE = ""
    COMING = "pausing"
    REACHED = "paused"


class Course(StrEnum):
    """How far a thing that takes hours is declared to go. LEFT: it is begun, and whoever pauses it is not overruled."""

    LEFT = ""
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class ChangeClass(StrEnum):
    """What a change means to the people who depend on the stack, mildest first."""

    NONE = "no change"
    METADATA = "metadata"
    NEW = "new"
    IN_PLACE = "in place"
    REPOINT = "re-point"
    TRAIN = "train"
    INTERRUPTS = "interrupts serving"
    IRREVERSIBLE = "irreversible"


class Mode(StrEnum):
    """What a plan is for: ADOPT only marks what is foreign, ROLLBACK only puts one deployment back."""

    NORMAL = "normal"
    DESTROY = "destroy"
    ADOPT = "adopt"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Home:
    """Where a stack lives. `origin` are the marks that say what writes to it: revision, plan, and who approved."""

    stack: str
    subscription: str
    group: str
    origin: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class World:
    """What a kind may look at when it says how a thing should be: its home, others' outputs, facts from Azure."""

    home: Home
    outputs: Mapping[Address, Mapping[str, Any]] = field(default_factory=dict)
    facts: Mapping[Address, Mapping[str, Any]] = field(default_factory=dict)

    def output(self, source: Address, name: str) -> Any:
        """What `source` gives, or Unknown until it does."""
        return self.outputs.get(source, {}).get(name, Unknown(source, name))

    def fact(self, address: Address, name: str) -> Any:
        """What observing found out about a declared thing; None where it found nothing."""
        return self.facts.get(address, {}).get(name)


class Standing(StrEnum):
    """How a check before a change came out. UNVERIFIED: whoever looked could not tell."""

    PASS = "pass"  # noqa: S105  an outcome, no password
    WARN = "warn"
    FAIL = "fail"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check before a change: what was looked at, how it came out, what that rests on, and where (ARM id, host)."""

    check: str
    standing: Standing
    what: str
    basis: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What creating a thing would run into (`problem`), or bring with it (`because`, a class beyond `new`)."""

    problem: Problem | None = None
    because: tuple[str, ...] = ()
    change_class: ChangeClass = ChangeClass.NEW
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Resource:
    """One declared thing, with the places where it was declared.

    `spec` is the kind's own frozen struct. `places` maps a dotted path inside the declaration
    (`hyperparameters.n_epochs`) to where it stands; `""` is the declaration itself. `references` are the addresses
    it names, `named` says which of these the value at a path names, and `prepared` is what its kind found out from
    local files. `formerly` are the names it had before by `moved`.
    """

    address: Address
    spec: Any
    references: tuple[Address, ...] = ()
    places: Mapping[str, Where] = field(default_factory=dict)
    prepared: Mapping[str, Any] = field(default_factory=dict)
    named: Mapping[str, Address] = field(default_factory=dict)
    formerly: tuple[str, ...] = ()

    @property
    def where(self) -> Where | None:
        return self.places.get("")

    def place(self, path: str) -> Where | None:
        """Where `path` was declared, or the nearest place around it."""
        while path and path not in self.places:
            path = path.rpartition(".")[0]
        return self.places.get(path)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a declared thing should be in Azure.

    `key` is its identity there (an ARM id in lower case; for files and jobs the account's id and a content hash): the
    same key, the same thing. `fields` are compared with a live thing's; `settings` go along to the verbs but are not
    compared (a path to upload, a prompt to ask). `ignored` are fields, or keys of a field that is a map, whose live
    value stays. `left` are fields that are left to the service, each with the rule (`ftctl.core.noise`) by which what
    it chose is no difference.
    """

    key: str
    fields: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    ignored: frozenset[tuple[str, ...]] = frozenset()
    left: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Live:
    """One thing found in Azure.

    `owner` is the stack whose mark it carries, None where it carries none. `label` is the name that stack gave it.
    `within` is the key of the account it lives in, empty for what lives in none. `applied` is the digest of the
    declaration that was applied last, where the thing can carry one: it tells drift from a change of the spec.
    `unverified` says that a change of it has not passed its check, `protected` that it was applied with `protect`.
    `pause` says that it stands still, or is about to.
    `made_for` is what a temporary thing was made for, and is taken away again by.
    """

    kind: str
    key: str
    id: str
    name: str
    fields: Mapping[str, Any]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    owner: str | None = None
    label: str = ""
    health: Health = Health.READY
    detail: str = ""
    within: str = ""
    created: float = 0.0
    applied: str = ""
    unverified: bool = False
    protected: bool = False
    pause: Pause = Pause.NONE
    made_for: Address | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Surplus:
    """A superseded thing beyond those that are to be kept; `needed` says why it stays all the same."""

    live: Live
    because: str
    needed: str = ""
