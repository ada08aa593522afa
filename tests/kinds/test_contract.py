"""What every kind promises the core, tried on each of them against the local Azure."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest

from ftctl.clients.errors import AzureError
from ftctl.core.diff import differences, has_unknown
from ftctl.core.errors import Problem
from ftctl.core.model import ChangeClass, Health, Live, Resource, Wanted, World
from ftctl.kinds import kinds, marks
from ftctl.kinds.contract import Declaration, Kind, NotYetError, Scope
from ftctl.local.azure import Fault

KINDS = [kind for kind in kinds().values() if not kind.judges]  # test_gates and test_sweeps have those
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
every_kind_at_all = pytest.mark.parametrize("kind", kinds().values(), ids=lambda kind: kind.name)


@dataclass(frozen=True)
class Case:
    """What a kind's things look like inside the local Azure: `marked` puts a stack's mark on one, None takes it off."""

    store: str
    marked: Callable[[dict, str | None], dict]


def tagged(body: dict, stack: str | None, *, field: str = "tags") -> dict:
    kept = {name: value for name, value in body[field].items() if not name.startswith("ftctl-")}
    return body | {field: kept | ({marks.STACK: stack, marks.NAME: "x"} if stack else {})}


def described(body: dict, stack: str | None) -> dict:
    return body | {"properties": body["properties"] | {"description": f"ftctl: {stack}/x" if stack else "by hand"}}


def named(body: dict, stack: str | None) -> dict:
    return body | {"filename": f"ftctl--{stack}--x--{'0' * 64}.jsonl" if stack else "train.jsonl"}


def suffixed(body: dict, stack: str | None) -> dict:
    return body | {"suffix": f"x-{marks.stack_mark(stack)}-{'0' * 12}" if stack else "by-hand"}


CASES = {
    "resourceGroup": Case("group", lambda body, stack: tagged(body, stack, field="_tags")),
    "account": Case("account", tagged),
    "roleAssignment": Case("role_assignment", described),
    "dataset": Case("file", named),
    "job": Case("job", suffixed),
    "deployment": Case("deployment", tagged),
}


class Bench:
    """A stack of which everything is built up to a kind, by the kinds' own verbs."""

    def __init__(self, lab, clients) -> None:
        self.lab, self.clients = lab, clients
        self.stack = lab.stack()
        self.home = self.stack.home
        self.outputs: dict = {}
        self.said: list[str] = []

    def of(self, kind: Kind) -> list[Resource]:
        return [one for one in self.stack.resources if one.address.kind == kind.name]

    def up_to(self, kind: Kind) -> tuple[Resource, Wanted]:
        """Build all that comes before `kind`, and give its first resource, as it is wanted."""
        for below in KINDS:
            if below.rank < kind.rank:
                for resource in self.of(below):
                    self.build(below, resource)
        resource = self.of(kind)[0]
        return resource, kind.wanted(resource, self.world(kind))

    def world(self, kind: Kind) -> World:
        return World(self.home, self.outputs, self.seen(kind).facts)

    def build(self, kind: Kind, resource: Resource) -> Live:
        live = self.made(kind, kind.wanted(resource, self.world(kind)))
        self.outputs[resource.address] = {**kind.promised(resource, self.world(kind)), **live.outputs}
        return live

    def made(self, kind: Kind, wanted: Wanted) -> Live:
        for _ in range(5):
            with suppress(NotYetError):
                return self.settled(kind, kind.create(self.clients, wanted, self.home, self.said.append))
            self.lab.clock.sleep(15)
        raise AssertionError(f"{wanted.name} cannot be begun")

    def settled(self, kind: Kind, live: Live) -> Live:
        for _ in range(100):
            if live.health is not Health.PENDING:
                return live
            self.lab.clock.sleep(15)
            now = self.now(kind, live)
            assert now is not None
            live = now
        raise AssertionError(f"{live.id} stays {live.detail}")

    def now(self, kind: Kind, live: Live) -> Live | None:
        return kind.refresh(self.clients, live, self.home, self.said.append)

    def gone(self, kind: Kind, live: Live) -> None:
        kind.delete(self.clients, live)
        for _ in range(100):
            if self.now(kind, live) is None:
                return
            self.lab.clock.sleep(15)
        raise AssertionError(f"{live.id} stays")

    def seen(self, kind: Kind, **changed: Any):
        home = replace(self.home, **changed)
        return kind.observe(
            self.clients, Scope(home, tuple(self.of(kind)), self.account() if kind.in_account else None)
        )

    def account(self) -> Live:
        accounts = kinds()["account"]
        (account,) = accounts.observe(self.clients, Scope(self.home)).lives
        return account

    def alike(self, kind: Kind, wanted: Wanted) -> list[Live]:
        """What is live with the identity of `wanted`."""
        return [live for live in self.seen(kind).lives if live.key == wanted.key]

    def rewrite(self, kind: Kind, live: Live, stack: str | None) -> None:
        """Put another mark on a thing behind everybody's back."""
        case, store = CASES[kind.name], self.lab.azure.store
        body = case.marked(store.get(case.store, live.id), stack)
        store.put(case.store, live.id, body, parent=live.within or live.id.partition("/providers/")[0])


@pytest.fixture
def bench(lab):
    with lab.clients() as clients:
        yield Bench(lab, clients)


# --- verbs


@every_kind
def test_what_was_created_is_observed_as_it_was_wanted(bench, kind):
    _, wanted = bench.up_to(kind)
    assert wanted.key == planned(bench.stack, kind, bench.seen(kind).facts)[0].key
    assert bench.alike(kind, wanted) == []
    made = bench.made(kind, wanted)
    (live,) = bench.alike(kind, wanted)
    assert (live.kind, live.id, live.health, live.owner) == (kind.name, made.id, Health.READY, bench.home.stack)
    assert live.label
    assert bool(live.within) == (kind.in_account or "/accounts/" in live.id.rpartition("/providers/")[0])
    fields = {name: value for name, value in wanted.fields.items() if name != "examples"}  # Azure does not count them
    assert differences(live.fields, fields, normal=kind.normal) == ()
    now = bench.now(kind, live)
    assert (now.id, now.key, now.owner, now.label, now.health) == (
        live.id,
        live.key,
        live.owner,
        live.label,
        live.health,
    )
    assert now.outputs == live.outputs


@every_kind
def test_a_second_creation_makes_nothing_more(bench, kind):
    _, wanted = bench.up_to(kind)
    first = bench.made(kind, wanted)
    count = len(bench.seen(kind).lives)
    assert bench.made(kind, wanted).id == first.id
    assert len(bench.seen(kind).lives) == count


@every_kind
def test_a_creation_whose_answer_was_lost_makes_nothing_more(bench, kind):
    _, wanted = bench.up_to(kind)
    lost = [Fault("lose", after=True)]
    bench.lab.azure.faults.append(lambda request, route: lost.pop() if lost and request.method != "GET" else None)
    with suppress(AzureError):
        bench.made(kind, wanted)
    assert lost == []
    bench.made(kind, wanted)
    assert len(bench.alike(kind, wanted)) == 1


@every_kind
def test_what_was_deleted_is_gone_and_can_be_deleted_again(bench, kind):
    _, wanted = bench.up_to(kind)
    live = bench.made(kind, wanted)
    bench.gone(kind, live)
    assert bench.alike(kind, wanted) == []
    kind.delete(bench.clients, live)
    assert bench.now(kind, live) is None


@every_kind
def test_what_was_deleted_can_be_made_again(bench, kind):
    if kind.name == "account":
        bench.lab.spec["resources"]["main"]["onSoftDeleted"] = "purge"
        bench.stack = bench.lab.stack()
    resource, wanted = bench.up_to(kind)
    bench.gone(kind, bench.made(kind, wanted))
    made = bench.made(kind, kind.wanted(resource, bench.world(kind)))
    assert made.key == wanted.key
    assert made.health is Health.READY


@every_kind
@pytest.mark.parametrize("stack", [None, "other"])
def test_what_carries_no_mark_or_anothers_is_not_owned(bench, kind, stack):
    _, wanted = bench.up_to(kind)
    live = bench.made(kind, wanted)
    bench.rewrite(kind, live, stack)
    (foreign,) = (one for one in bench.seen(kind).lives if one.id == live.id)
    assert foreign.owner != bench.home.stack
    assert stack is not None or (foreign.owner is None and foreign.label == "")


@every_kind
def test_another_stack_does_not_own_what_this_one_made(bench, kind):
    _, wanted = bench.up_to(kind)
    live = bench.made(kind, wanted)
    (theirs,) = (one for one in bench.seen(kind, stack="other").lives if one.id == live.id)
    assert theirs.owner != "other"


@every_kind
def test_an_update_takes_over_what_is_foreign_and_keeps_what_it_is(bench, kind):
    _, wanted = bench.up_to(kind)
    live = bench.made(kind, wanted)
    if kind.history:
        with pytest.raises(AssertionError, match="never updated"):
            kind.update(bench.clients, live, wanted, bench.home)
        return
    bench.rewrite(kind, live, None)
    foreign = bench.now(kind, live)
    assert foreign.owner is None
    bench.settled(kind, kind.update(bench.clients, foreign, wanted, bench.home))
    (mine,) = bench.alike(kind, wanted)
    assert (mine.id, mine.owner, mine.label) == (live.id, bench.home.stack, live.label)
    assert differences(mine.fields, wanted.fields, normal=kind.normal) == ()


@every_kind_at_all
def test_a_failure_is_told_by_a_known_problem(kind):
    live = Live(kind.name, "key", "id", "name", {}, label="label", health=Health.FAILED, detail="of bad luck")
    problem = kind.failure(live)
    assert isinstance(problem, Problem)
    assert "of bad luck" in problem.what
    assert problem.fix


@every_kind
def test_observing_takes_as_many_calls_however_much_there_is(bench, kind):
    _, wanted = bench.up_to(kind)
    live = bench.made(kind, wanted)
    few = calls(bench, kind)
    case, store = CASES[kind.name], bench.lab.azure.store
    body = store.get(case.store, live.id)
    for number in range(5):
        id_ = live.id + f"-{number}"
        copy = {**body, "id": id_, "name": id_.rpartition("/")[2]}
        store.put(case.store, id_, copy, parent=live.within or live.id.partition("/providers/")[0])
    assert len(bench.seen(kind).lives) >= 6
    assert calls(bench, kind) == few


def calls(bench: Bench, kind: Kind) -> list[str]:
    account = bench.account() if kind.in_account else None
    scope = Scope(bench.home, tuple(bench.of(kind)), account)
    before = len(bench.lab.azure.calls)
    kind.observe(bench.clients, scope)
    return sorted(call.route for call in list(bench.lab.azure.calls)[before:])


# --- what is said of them


@every_kind
def test_the_identity_is_known_before_anything_exists(lab, kind):
    for wanted in planned(lab.stack(), kind):
        assert isinstance(wanted.key, str)
        assert wanted.key == wanted.key.lower()
        assert "known after" not in wanted.key
        assert wanted.name
        assert kind.immutable <= wanted.fields.keys()
        assert kind.classes.keys() <= wanted.fields.keys()
        assert isinstance(kind.lane(wanted.key, "account"), str)


def planned(stack, kind: Kind, facts: Any = None) -> list[Wanted]:
    """How a kind's things are wanted with nothing but what is promised, as when nothing is there yet."""
    found, outputs = [], {}
    for resource in sorted(stack.resources, key=lambda one: kinds()[one.address.kind].rank):
        world, own = World(stack.home, outputs, facts or {}), kinds()[resource.address.kind]
        outputs = outputs | {resource.address: own.promised(resource, world)}
        assert not has_unknown(list(outputs[resource.address].values()))
        found += [own.wanted(resource, world)] if own is kind else []
    return found


def test_every_kind_has_a_case_and_a_place_of_its_own():
    assert list(CASES) == [kind.name for kind in KINDS]
    assert [kind.name for kind in kinds().values() if kind.judges] == ["pick", "gate"]
    assert [kind.name for kind in KINDS if not kind.section] == ["resourceGroup"]
    for of in ("name", "rank", "Spec"):
        assert len({getattr(kind, of) for kind in kinds().values()}) == len(kinds()), of


@every_kind_at_all
def test_the_class_attributes_agree_with_each_other(kind):
    assert issubclass(kind.Spec, Declaration)
    assert kind.loss in {ChangeClass.IN_PLACE, ChangeClass.INTERRUPTS, ChangeClass.IRREVERSIBLE}
    assert ChangeClass.NEW not in kind.classes.values()
    assert kind.history or not kind.trains
    assert not (kind.history and (kind.serves or kind.immutable or kind.classes))
    assert kind.replaceable or kind.loss is ChangeClass.IRREVERSIBLE
    assert kind.in_account or not (kind.trains or kind.serves)


@every_kind_at_all
def test_what_a_kind_names_or_waits_for_comes_before_it(kind):
    named = set(referenced(msgspec.inspect.type_info(kind.Spec)))
    assert named <= kinds().keys()
    for other in named | set(kind.after):
        assert kinds()[other].rank < kind.rank or other == kind.name, other  # a job may go on from a job
    assert "account" in named or not kind.in_account


def referenced(node: Any):
    """The kinds that a type's fields are references to."""
    if isinstance(node, msgspec.inspect.Metadata):
        if node.extra and "reference" in node.extra:
            yield node.extra["reference"]
        yield from referenced(node.type)
    elif isinstance(node, msgspec.inspect.StructType):
        for field in node.fields:
            yield from referenced(field.type)
    elif isinstance(node, msgspec.inspect.UnionType):
        for one in node.types:
            yield from referenced(one)


@every_kind_at_all
def test_every_field_of_a_declaration_is_described(kind):
    schema = msgspec.json.schema(kind.Spec)
    objects = [schema, *schema.get("$defs", {}).values()]
    structs = [one for one in objects if one.get("type") == "object"]
    assert structs
    for one in structs:
        assert one.get("description", "").endswith("."), one.get("title")
        for name, field in one["properties"].items():
            tag = "which of several it is" if name == "type" and "enum" in field else ""
            told = field.get("description", tag)
            assert len(told) > 8, f"{one['title']}.{name}: {json.dumps(field)}"
