"""The plan: what would have to happen, why, and what it means. Pure; the same facts give the same plan."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Any, Protocol

from ftctl.core import course
from ftctl.core.changes import Action, Adoption, Change, Observed, Plan, Reason, Sight
from ftctl.core.dependents import dependents
from ftctl.core.diff import FieldChange, differences, has_unknown
from ftctl.core.errors import Problem
from ftctl.core.estimate import Budget, Estimate
from ftctl.core.fields import FieldRules, class_of, compared, explained, replacement
from ftctl.core.gating import gated, judgement
from ftctl.core.grants import blindness, granting_of
from ftctl.core.guard import over_budget, protected
from ftctl.core.ignored import was_applied
from ftctl.core.model import (
    Address,
    ChangeClass,
    Course,
    Health,
    Home,
    Live,
    Mode,
    Outlook,
    Resource,
    Surplus,
    Unknown,
    Wanted,
    World,
)
from ftctl.core.ownership import apart, foreign, referenced, used
from ftctl.core.parting import parted


class Rules(FieldRules, Protocol):
    """What planning asks of a kind (ftctl.kinds.contract.Kind says it at length)."""

    @property
    def name(self) -> str: ...
    @property
    def rank(self) -> int: ...
    @property
    def in_account(self) -> bool: ...
    @property
    def shared(self) -> bool: ...
    @property
    def markable(self) -> bool: ...
    @property
    def trains(self) -> bool: ...
    @property
    def after(self) -> tuple[str, ...]: ...
    @property
    def loss(self) -> ChangeClass: ...
    def wanted(self, resource: Resource, world: World) -> Wanted: ...
    def promised(self, resource: Resource, world: World) -> Mapping[str, Any]: ...
    def outlook(self, resource: Resource, world: World) -> Outlook: ...
    def protected(self, resource: Resource) -> bool: ...
    def referenced(self, resource: Resource) -> bool: ...
    def retries(self, resource: Resource) -> int: ...
    def course(self, resource: Resource) -> Course: ...
    def label(self, name: str) -> str: ...
    def renamed(self, resource: Resource, live: Live) -> bool: ...
    def adoption(self, resource: Resource, wanted: Wanted, live: Live | None) -> Adoption: ...
    def surplus(self, declared: Mapping[Address, Resource], seen: Sight) -> Iterable[Surplus]: ...
    def checks(self, resource: Resource) -> bool: ...
    def failure(self, live: Live) -> Problem: ...
    def predecessor(self, wanted: Wanted, lives: Iterable[Live]) -> Live | None: ...
    def budget(self, resource: Resource) -> Budget | None: ...
    def estimate(
        self, resource: Resource, wanted: Wanted, declared: Mapping[Address, Resource], lives: Iterable[Live]
    ) -> Estimate | None: ...


def plan(
    home: Home,
    resources: Iterable[Resource],
    rules: Mapping[str, Rules],
    observed: Observed,
    *,
    mode: Mode = Mode.NORMAL,
    adopt: Collection[Address] = (),
    retry: Collection[Address] = (),
    budgets: Iterable[Budget] = (),
    removed: Collection[Address] = (),
    now: float = 0.0,
) -> Plan:
    """Compare what is declared with what is live. `removed` is what stays when it goes; `now` in seconds since 1970."""
    resources = tuple(resources)
    declared = {} if mode is Mode.DESTROY else {resource.address: resource for resource in resources}
    planner = _Planner(World(home, facts=observed.facts), declared, rules, observed, adopt=adopt, retry=retry)
    planner.others = {rules[one.address.kind].adopted(one) for one in resources}
    changes = [planner.change(resource) for resource in planner.ordered()]
    changes = parted([*changes, *planner.leftovers(mode)], removed, rules, home)
    changes = [replace(change, affects=dependents(change, changes, declared)) for change in changes]
    problems = [change.problem for change in changes if change.problem]
    kept = [resource for resource in resources if rules[resource.address.kind].protected(resource)]
    problems += protected(changes, {rules[r.address.kind].wanted(r, planner.world).key: r for r in kept})
    granting = granting_of(home, observed.lives, changes, now)
    problems += blindness(observed, changes, granting=granting)
    own = [budget for one in resources if (budget := rules[one.address.kind].budget(one))]
    problems += over_budget((change for change in changes if change.trains), dict.fromkeys([*own, *budgets]))
    return Plan(home, mode, tuple(changes), tuple(problems), granting, planner.world)


class _Planner:
    """The state of one planning: what was matched so far, and the outputs that are known."""

    def __init__(
        self,
        world: World,
        declared: Mapping[Address, Resource],
        rules: Mapping[str, Rules],
        observed: Observed,
        *,
        adopt: Collection[Address],
        retry: Collection[Address],
    ) -> None:
        self.home, self.declared, self.rules = world.home, declared, rules
        self.adopt, self.retry = adopt, retry
        self.by_kind = {kind: [address for address in declared if address.kind == kind] for kind in rules}
        self.outputs: dict[Address, Mapping[str, Any]] = {}
        self.world = replace(world, outputs=self.outputs)
        self.decided: dict[Address, Change] = {}
        self.matched: dict[tuple[str, str], Address] = {}
        self.unsettled: list[Wanted] = []  # what has no identity yet
        self.lives: dict[tuple[str, str], list[Live]] = {}
        self.others: set[str] = set()  # ids of what is used and not ours to delete
        self.blind = {(blind.kind, blind.within) for blind in observed.blind}
        for live in observed.lives:
            self.lives.setdefault((live.kind, live.key), []).append(live)

    def edges(self, resource: Resource) -> tuple[Address, ...]:
        """What `resource` has to wait for."""
        after = self.rules[resource.address.kind].after
        implied = (address for kind in after for address in self.by_kind[kind])
        return tuple(dict.fromkeys((*resource.references, *implied)))

    def ordered(self) -> Iterator[Resource]:
        graph = {address: self.edges(resource) for address, resource in self.declared.items()}
        return (self.declared[address] for address in TopologicalSorter(graph).static_order())

    def change(self, resource: Resource) -> Change:
        rules = self.rules[resource.address.kind]
        wanted = rules.wanted(resource, self.world)
        found = sorted(self.lives.get((rules.name, wanted.key), ()), key=_preference)
        live = next((live for live in found if live.health is not Health.CANCELLED), None)
        if id_ := rules.adopted(resource):
            live = next((one for one in self._all_lives() if (one.kind, one.id) == (rules.name, id_)), None)
        twin = self.matched.setdefault((rules.name, wanted.key), resource.address)
        promised = rules.promised(resource, self.world)
        if _unsettled(rules, wanted):
            self.unsettled.append(wanted)
        gates = [self.decided[a] for a in resource.references if self.rules[a.kind].judges]
        same = self.declared[twin]
        change = course.disagreeing(resource, same) if rules.course(same) != rules.course(resource) else None
        decided = change or gated(self._decide(resource, wanted, live), gates)
        change = change or course.withheld(decided, self._upstream_of(resource))
        outputs = live.outputs if live and change.action not in {Action.CREATE, Action.REPLACE} else {}
        self.outputs[resource.address] = {**promised, **outputs}
        self.decided[resource.address] = change
        needs = (*self.edges(resource), *([twin] if twin != resource.address else []))  # the same thing is made once
        told = replace(change, name=wanted.name, key=wanted.key, needs=needs)
        return explained(told, resource, wanted, rules)

    def _decide(self, resource: Resource, wanted: Wanted, live: Live | None) -> Change:
        rules = self.rules[resource.address.kind]
        if rules.adopted(resource):
            return course.adopting(resource, live, rules.adoption(resource, wanted, live))
        if rules.referenced(resource):
            return referenced(resource, live)
        if rules.judges:
            return self._judgement(resource, wanted, live)
        if steered := course.on_course(resource, rules.course(resource), live):
            return steered
        if rules.trains and (gone := course.last_cancelled(self.lives.get((rules.name, wanted.key), ()))):
            return self._cancelled(resource, wanted, gone)
        if live is None:
            unseen = any(kind == rules.name and wanted.key.startswith(within) for kind, within in self.blind)
            unseen |= _unsettled(rules, wanted)
            return self._creation(resource, wanted, Reason.UNSEEN if unseen else Reason.MISSING)
        if not rules.shared and live.owner != self.home.stack and (live.owner or resource.address not in self.adopt):
            return foreign(resource, live)
        if live.health is Health.FAILED and rules.history:
            return self._failed(resource, wanted, live)
        if rules.shared and live.owner != self.home.stack:
            return used(resource, live)
        return self._existing(resource, wanted, live)

    def _judgement(self, resource: Resource, wanted: Wanted, live: Live | None) -> Change:
        """Of one that judges: what it said already, or that it is still to be asked."""
        rules = self.rules[resource.address.kind]
        asks = rules.outlook(resource, self.world).because
        base = Change(resource.address, Action.JUDGE, Reason.UNJUDGED, after=wanted.fields, because=asks)
        return judgement(resource, base, live, rules.failure(live) if live and live.health is Health.FAILED else None)

    def _creation(self, resource: Resource, wanted: Wanted, reason: Reason = Reason.MISSING) -> Change:
        rules = self.rules[resource.address.kind]
        outlook = rules.outlook(resource, self.world)
        if outlook.problem:
            told: dict[str, Any] = {"problem": outlook.problem, "findings": outlook.findings}
            return Change(resource.address, Action.BLOCKED, Reason.REFUSED, **told)
        told = {"after": wanted.fields, "because": outlook.because, "findings": outlook.findings}
        change = Change(resource.address, Action.CREATE, reason, outlook.change_class, **told)
        if not rules.trains:
            return change
        lives = [live for live in self._all_lives() if live.kind == rules.name]
        fields = self._against_predecessor(rules, wanted, lives)
        estimate = rules.estimate(resource, wanted, self.declared, lives)
        if reason is Reason.MISSING:
            change = replace(change, reason=Reason.NEW_RECIPE)
        return replace(change, change_class=ChangeClass.TRAIN, fields=fields, estimate=estimate)

    def _against_predecessor(self, rules: Rules, wanted: Wanted, lives: Iterable[Live]) -> tuple[FieldChange, ...]:
        former = rules.predecessor(wanted, (live for live in lives if live.owner == self.home.stack))
        return differences(former.fields, wanted.fields, normal=rules.normal) if former else ()

    def _cancelled(self, resource: Resource, wanted: Wanted, gone: Live) -> Change:
        """Of one that somebody cancelled: it is paid for again only when somebody asks for that."""
        if not self._retried(resource):
            return course.cancelled(resource, gone, self.rules[gone.kind].failure(gone))
        again = self._creation(resource, wanted, Reason.AGAIN)
        return replace(again, because=(*again.because, f"{gone.id} was cancelled"))

    def _retried(self, resource: Resource) -> bool:
        return not {resource.address, resource.address.declared}.isdisjoint(self.retry)

    def _failed(self, resource: Resource, wanted: Wanted, live: Live) -> Change:
        failed = sum(one.health is Health.FAILED for one in self.lives[live.kind, live.key])
        asked = self._retried(resource)
        if asked or failed <= self.rules[live.kind].retries(resource):
            reason = Reason.RETRY if asked else Reason.RETRY_DECLARED
            return replace(self._creation(resource, wanted, reason), because=(f"{live.id}: {live.detail}",))
        return course.failed_before(resource, live)

    def _existing(self, resource: Resource, wanted: Wanted, live: Live) -> Change:
        rules = self.rules[resource.address.kind]
        asked, fields = compared(wanted, live, rules)
        names = {change.path.partition(".")[0] for change in fields}
        before = {name: live.fields.get(name) for name in sorted(names)}
        after = {name: asked.fields[name] for name in sorted(names)}
        base = Change(
            resource.address, Action.NOOP, Reason.AS_DECLARED, before=before, after=after, fields=fields, live=live
        )
        if live.owner is None:
            kept = ChangeClass.METADATA if not fields else class_of(fields, rules)
            base = replace(base, action=Action.ADOPT, reason=Reason.ADOPTED, change_class=kept)
        elif live.health is Health.FAILED:
            base = replace(base, action=Action.UPDATE, reason=Reason.FAILED, change_class=class_of(fields, rules))
        elif fields:
            follows = all(has_unknown(change.after) for change in fields) or bool(self._used_again(resource, fields))
            follows = follows or self._chosen(resource, fields)
            drifted = was_applied(wanted, live)
            reason = Reason.DRIFTED if drifted else Reason.FOLLOWS if follows else Reason.DIFFERS
            base = replace(base, action=Action.UPDATE, reason=reason, change_class=class_of(fields, rules))
        elif live.health is Health.PENDING:
            return replace(base, action=Action.WAIT, reason=Reason.IN_PROGRESS, because=_detail(live))
        elif live.unverified and rules.checks(resource):
            return replace(base, action=Action.WAIT, reason=Reason.UNVERIFIED)
        elif rules.renamed(resource, live):
            told = f"in Azure it is still {live.name}, which is what applications call"
            metadata = replace(base, change_class=ChangeClass.METADATA, because=(told,))
            return replace(metadata, action=Action.UPDATE, reason=Reason.MOVED)
        else:
            return base
        base = replace(base, because=(*self._upstream(after), *self._used_again(resource, fields)))
        return replacement(resource, base, rules) if any(change.forces for change in fields) else base

    def _upstream(self, after: Mapping[str, Any]) -> Iterator[str]:
        for source in dict.fromkeys(value.source for value in after.values() if isinstance(value, Unknown)):
            yield f"{source} comes first"

    def _upstream_of(self, resource: Resource) -> list[Change]:
        return [self.decided[address] for address in resource.references if address in self.decided]

    def _used_again(self, resource: Resource, fields: tuple[FieldChange, ...]) -> list[str]:
        """What was paid for before and is to serve again."""
        found = [self.decided[address] for address in resource.references if self.rules[address.kind].trains]
        return [
            f"{change.address} has trained this recipe before ({change.live.id}): nothing is trained"
            for change in found
            if change.live and any(field.after in change.live.outputs.values() for field in fields)
        ]

    def _chosen(self, resource: Resource, fields: tuple[FieldChange, ...]) -> bool:
        """Whether a difference is what a gate chose."""
        chosen = [self.outputs.get(a, {}).get("model") for a in resource.references if self.rules[a.kind].judges]
        return any(field.after in chosen for field in fields)

    def leftovers(self, mode: Mode) -> list[Change]:
        """Owned live things that nothing declared matches."""
        found = [
            change
            for (kind, key), lives in self.lives.items()
            for live in lives
            if live.owner == self.home.stack and live.id not in self.others
            if (change := self._leftover(self.rules[kind], key, live, mode))
        ]
        blind = frozenset(within for _, within in self.blind)
        seen = Sight(self.world, tuple(self._all_lives()), blind, (*self.decided.values(), *found))
        spare = (one for rules in self.rules.values() for one in rules.surplus(self.declared, seen))
        found += [course.surplus(one) for one in spare if one.live.id not in self.others]
        return sorted(apart(found, self.declared), key=self._taken_down)

    def _all_lives(self) -> list[Live]:
        return [live for many in self.lives.values() for live in many]

    def _taken_down(self, change: Change) -> tuple[Any, ...]:
        """Their order: what depends on others first, then by name, then by age; Azure's random ids decide nothing."""
        assert change.live is not None
        return -self.rules[change.kind].rank, change.live.label or change.live.name, change.live.created, change.key

    def _leftover(self, rules: Rules, key: str, live: Live, mode: Mode) -> Change | None:
        if mode is Mode.DESTROY:
            reason = Reason.DESTROYED
        elif (rules.name, key) in self.matched:
            first = min(self.lives[rules.name, key], key=_preference)
            if live is first or not rules.trains or live.health is not Health.PENDING:
                return None
            reason = Reason.DUPLICATE
        elif rules.history:
            maybe = any(rules.predecessor(wanted, [live]) for wanted in self.unsettled)  # it may prove to be wanted
            if not rules.trains or live.health is not Health.PENDING or maybe:
                return None
            reason = Reason.SUPERSEDED
        elif live.made_for and self.outputs.get(live.made_for, {}).get("uses") == key:
            return None  # what is to be judged goes on with it, and takes it away
        else:
            reason = Reason.LEFT_OVER if live.made_for else Reason.UNDECLARED
        return Change(
            Address(rules.name, live.label or live.name),
            Action.DELETE,
            reason,
            rules.loss if reason in {Reason.DESTROYED, Reason.UNDECLARED} else ChangeClass.IN_PLACE,
            name=live.name,
            key=key,
            within=live.within,
            before=live.fields,
            because=_detail(live) if live.pause else (),
            live=live,
        )


def _unsettled(rules: Rules, wanted: Wanted) -> bool:
    """Whether its key, which is made of its content, will be another once that is known."""
    return rules.history and has_unknown(wanted.fields)


def _preference(live: Live) -> tuple[int, float, str]:
    """Of several things with one identity: the finished before the running before the failed, the older first."""
    return list(Health).index(live.health), live.created, live.id


def _detail(live: Live) -> tuple[str, ...]:
    return (live.detail,) if live.detail else ()
