"""What a kind is: how it is declared, and how it is looked for, read and changed in Azure.

A kind says; the core decides and orders. No verb waits and all are idempotent: waiting is observing again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ftctl.core.changes import Adoption, Change, Plan, Sight
from ftctl.core.errors import Problem
from ftctl.core.estimate import Budget, Estimate
from ftctl.core.events import Watched
from ftctl.core.model import (
    Address,
    ChangeClass,
    Course,
    Health,
    Home,
    Live,
    Outlook,
    Resource,
    Surplus,
    Wanted,
    World,
)
from ftctl.core.rights import Right

if TYPE_CHECKING:
    from ftctl.clients import Clients
    from ftctl.core.noise import Rule
    from ftctl.core.why import Spelled
    from ftctl.kinds.regions import Regions

Progress = Callable[[str | Watched], None]


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """The base of what stands in a spec: unknown keys are errors, `public_access` is written `publicAccess`."""


def reference(kind: str, description: str) -> msgspec.Meta:
    """Mark a field as the name of another declared thing: edges, dangling checks and deletion order follow from it."""
    return msgspec.Meta(description=description, extra={"reference": kind})


def beside(description: str) -> msgspec.Meta:
    """Mark a field as the path of a local file, from the spec's folder: whoever changes it touches the stack."""
    return msgspec.Meta(description=description, extra={"file": True})


def described(description: str, **rules: Any) -> msgspec.Meta:
    """A field's description, with JSON Schema rules by their msgspec names (`ge`, `max_length`, `pattern` …)."""
    return msgspec.Meta(description=description, **rules)


@dataclass(frozen=True, slots=True)
class Scope:
    """What to observe: `resources` are the declared ones of the kind, `account` the one to look into."""

    home: Home
    resources: tuple[Resource, ...] = ()
    account: Live | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What observing a kind gave: the live things, and facts about declared ones."""

    lives: tuple[Live, ...] = ()
    facts: Mapping[Address, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What an offline check found wrong at `path` inside a declaration."""

    path: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class Prepared:
    """What local files gave: facts that go into `Resource.prepared`, and what is wrong with them."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a check of a changed thing came out: PENDING asks to look again, `detail` is for people."""

    health: Health
    detail: str = ""


class NotYetError(Exception):
    """A verb cannot begin now and is to be called again after a while; the text says what it waits for."""


class Kind(ABC):
    """One kind of resource. Class attributes say what the core has to know of it."""

    name: ClassVar[str]
    """In addresses: `deployment`."""
    section: ClassVar[str]
    """The spec's section; empty for one that is not a section (the resource group)."""
    Spec: ClassVar[type[Declaration]]
    rank: ClassVar[int]
    """Its place when a stack is built up; the reverse when it is taken down."""
    in_account: ClassVar[bool] = False
    """Whether it lives in one account, and is looked for in each."""
    immutable: ClassVar[frozenset[str]] = frozenset()
    """Fields that cannot change: a difference there means replace."""
    replaceable: ClassVar[bool] = True
    """Whether ftctl may replace it; an account is not, with all that lives in it."""
    classes: ClassVar[Mapping[str, ChangeClass]] = {}
    """The class of a change to a field, where it is not `in place`."""
    loss: ClassVar[ChangeClass] = ChangeClass.IN_PLACE
    """The class of deleting it."""
    noise: ClassVar[Mapping[str, Rule]] = {}
    """By field, which differences of it are none, and what that is called."""
    spelled: ClassVar[Spelled] = {}
    """By field its path in the spec, where that is another than its name, and then the paths that it follows from."""
    history: ClassVar[bool] = False
    """Whether what is superseded stays (files, finished jobs)."""
    shared: ClassVar[bool] = False
    """Whether its identity is its content, so that anybody's will do: another owner's is used, and left alone."""
    markable: ClassVar[bool] = False
    """Whether its marks can be given and taken away while all else stays (`mark`, `unmark`)."""
    trains: ClassVar[bool] = False
    """Whether creating it costs money and hours."""
    serves: ClassVar[bool] = False
    """Whether somebody may be calling it now."""
    judges: ClassVar[bool] = False
    """Whether it says of others if they may go on; it is nothing in Azure, and judged again by every plan."""
    after: ClassVar[tuple[str, ...]] = ()
    """Kinds of the same stack it waits for although no field names them."""

    # --- the declaration

    def needs_account(self, spec: Any) -> bool:
        """Whether `spec` must name an account (or leave it out where the stack has only one)."""
        return self.in_account

    def check(self, spec: Any) -> Iterator[Flaw]:
        """What is wrong with a declaration beyond its shape, offline."""
        return iter(())

    def relate(self, resource: Resource, declared: Mapping[Address, Resource]) -> Iterator[Flaw]:
        """What is wrong between a declaration and those it names, offline; asked once all are prepared."""
        return iter(())

    def derive(self, declared: Sequence[Resource]) -> Sequence[Resource]:
        """All that is declared, with the things of this kind that follow from it without a section of their own."""
        return declared

    def prepare(self, resource: Resource, base: Path, declared: Mapping[Address, Resource]) -> Prepared:
        """Read the local files that a declaration names; `base` is its spec's folder, `declared` the whole stack."""
        return Prepared()

    # --- what it should be

    @abstractmethod
    def wanted(self, resource: Resource, world: World) -> Wanted:
        """How the thing should be; fields that depend on what does not exist yet are Unknown, its key never is."""

    def promised(self, resource: Resource, world: World) -> Mapping[str, Any]:
        """Outputs that are certain before the thing exists."""
        return {}

    def normal(self, path: str, value: Any) -> Any:
        """A field's value in the spelling that comparison uses."""
        rule = self.noise.get(path)
        return rule.normal(value) if rule else value

    def outlook(self, resource: Resource, world: World) -> Outlook:
        """What stands in the way of creating it, or comes with that."""
        return Outlook()

    def preview(
        self, clients: Clients, home: Home, resources: Sequence[Resource], world: World
    ) -> Mapping[Address, Mapping[str, Any]]:
        """Facts worth a call only where a creation is planned, for its `outlook`; reads only."""
        return {}

    def rights(self, change: Change, resource: Resource | None) -> Iterable[Right]:
        """What a planned change takes; `resource` is None if it is declared no more."""
        return ()

    def preflight(
        self, regions: Regions, plan: Plan, resources: Mapping[Address, Resource]
    ) -> Mapping[Address, Outlook]:
        """What else speaks for and against planned changes of `resources`, the others of the plan considered; reads
        only, and none for what changes nothing that matters.
        """
        return {}

    def retries(self, resource: Resource) -> int:
        """How often a failed one may be made again as it is declared."""
        return 0

    def course(self, resource: Resource) -> Course:
        """How far it is declared to go."""
        return Course.LEFT

    def adopted(self, resource: Resource) -> str:
        """The id of the thing that is used in its place and never touched; empty for none."""
        return ""

    def label(self, name: str) -> str:
        """A declared name as the marks have it."""
        return name

    def renamed(self, resource: Resource, live: Live) -> bool:
        """Whether its mark has to tell another name than it does, so that it is found again."""
        return False

    def adoption(self, resource: Resource, wanted: Wanted, live: Live | None) -> Adoption:
        """Whether the adopted thing can be used, and in what it differs from what is declared."""
        return Adoption()

    def surplus(self, declared: Mapping[Address, Resource], seen: Sight) -> Iterable[Surplus]:
        """Superseded things beyond those that are declared to be kept."""
        return ()

    def checks(self, resource: Resource) -> bool:
        """Whether a change of it is followed by a check (`verify`)."""
        return False

    def protected(self, resource: Resource) -> bool:
        """Whether a plan that would delete it is an error."""
        return False

    def referenced(self, resource: Resource) -> bool:
        """Whether it is somebody else's and only read."""
        return False

    def predecessor(self, wanted: Wanted, lives: Iterable[Live]) -> Live | None:
        """The live thing that a new one supersedes, to explain by difference; None where names are identity."""
        return None

    def budget(self, resource: Resource) -> Budget | None:
        """The most that creating it may cost, where its declaration says so."""
        return None

    def estimate(
        self, resource: Resource, wanted: Wanted, declared: Mapping[Address, Resource], lives: Iterable[Live]
    ) -> Estimate | None:
        """What creating it may cost; `lives` are all things of its kind. Asked of what `trains` alone."""
        return None

    # --- the live thing

    @abstractmethod
    def observe(self, clients: Clients, scope: Scope) -> Seen:
        """All live things of this kind, foreign ones too, in as few calls as the service allows."""

    def examine(self, clients: Clients, resources: Iterable[Resource], world: World) -> Seen:
        """For one that judges: the things that can be judged now, with `world` as a first plan knows it."""
        return Seen()

    @abstractmethod
    def refresh(self, clients: Clients, live: Live, home: Home, progress: Progress) -> Live | None:
        """The same thing as it is now, None when it is gone. `progress` takes a few words for people."""

    def tend(self, clients: Clients, live: Live, home: Home) -> None:  # noqa: B027  most have nothing to tend
        """Put right what came up beside a thing on its way; a write, asked for in the first minutes of a run."""

    def watch(
        self, clients: Clients, live: Live, resource: Resource | None, declared: Mapping[Address, Resource], now: float
    ) -> Watched | None:
        """How far a thing on its way is, for people: a read more at the most. `resource` is None if undeclared."""
        return None

    @abstractmethod
    def create(self, clients: Clients, wanted: Wanted, home: Home, progress: Progress) -> Live:
        """Begin to make it, or return the one that is there already."""

    def update(self, clients: Clients, live: Live, wanted: Wanted, home: Home) -> Live:
        """Begin to change it in place; also how a foreign one is adopted."""
        raise AssertionError(f"a {self.name} is never updated")

    def mark(self, clients: Clients, live: Live, wanted: Wanted, home: Home) -> None:
        """Begin to give it the stack's marks; nothing else of it changes."""
        raise AssertionError(f"a {self.name} is not marked")

    def unmark(self, clients: Clients, live: Live, home: Home) -> None:
        """Begin to take all of ftctl's marks away; nothing else of it changes."""
        raise AssertionError(f"a {self.name} keeps its marks")

    @abstractmethod
    def delete(self, clients: Clients, live: Live) -> None:
        """Begin to delete it; deleting what is gone is no error."""

    def failure(self, live: Live) -> Problem:
        """What to say when it ended in failure."""
        what = f"it ended in a failed state: {live.detail}" if live.detail else "it ended in a failed state"
        return Problem("FT3203", what, fix="Apply again: the declared state is sent once more.")

    def gone(self, resource: Resource) -> str:
        """Why one that was there may be missing now, in a sentence."""
        return ""

    def beyond(self, live: Live) -> Mapping[str, Any]:
        """What Azure has of it that ftctl has no field for, by path; None for a value that is not to be shown."""
        return {}

    def written(self, live: Live) -> str:
        """Who wrote it last and when, where Azure says so."""
        data = live.raw.get("systemData") or {}
        by, at = data.get("lastModifiedBy"), data.get("lastModifiedAt")
        return f"last written by {by} at {at}" if by and at else ""

    def instead(self, clients: Clients, wanted: Wanted, home: Home) -> Live | None:
        """What there is in place of a thing that was cancelled while it was waited for."""
        return None

    def verify(self, clients: Clients, live: Live, wanted: Wanted) -> Verdict:
        """Check a changed thing before anybody relies on it; asked only where `checks` says so."""
        raise AssertionError(f"a {self.name} is never checked")

    def restore(self, clients: Clients, live: Live, before: Live | None, home: Home) -> str:
        """Undo a change that its check refused: back to `before`. Says in a few words what was done."""
        raise AssertionError(f"a {self.name} is never rolled back")

    def lane(self, key: str, within: str) -> str:
        """Writes in one lane take turns; empty for none."""
        return ""

    def together(self, resource: Resource) -> tuple[str, int]:
        """What it belongs to, and how many of that may be on their way at once; 0 for any number."""
        return "", 0


def account_of(resource: Resource) -> Address:
    """The account that a declared thing lives in."""
    return next(address for address in resource.references if address.kind == "account")


def trainer(resource: Resource, job: str) -> Address:
    """What gives the model of a job that `resource` names: the job, or the pick among those of a sweep."""
    pick = Address("pick", job)
    return pick if pick in resource.references else Address("job", job)


def source(trainer: Address, own: str, world: World) -> dict[str, str]:
    """Where a model is that another account has trained than the one with the id `own`; nothing for one of its own."""
    account = str(world.output(trainer, "account"))
    return {"source": account} if account.lower() != own.lower() else {}


def flaw(path: str, code: str, what: str, *, why: str = "", fix: str = "") -> Flaw:
    return Flaw(path, Problem(code, what, why=why, fix=fix))
