"""Planning as tables: what is declared, what is live, what would happen."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.core.changes import Action, Adoption, Blind, Observed, Reason
from ftctl.core.digest import digest
from ftctl.core.errors import Problem
from ftctl.core.model import Address, ChangeClass, Course, Health, Home, Live, Mode, Outlook, Resource, Wanted
from ftctl.core.plan import plan
from ftctl.core.steps import Op, lower

HOME = Home("mine", "sub", "rg")


@dataclass
class FakeRules:
    """A kind reduced to what planning asks."""

    name: str
    rank: int
    in_account: bool = False
    immutable: frozenset = frozenset()
    replaceable: bool = True
    history: bool = False
    trains: bool = False
    shared: bool = False
    serves: bool = False
    judges: bool = False
    markable: bool = False
    after: tuple = ()
    classes: dict = field(default_factory=dict)
    loss: ChangeClass = ChangeClass.IN_PLACE
    noise: dict = field(default_factory=dict)
    spelled: dict = field(default_factory=dict)

    def wanted(self, resource, world):
        fields = {
            key: world.output(*value) if isinstance(value, tuple) else value
            for key, value in resource.spec.get("fields", {}).items()
        }
        ignored = frozenset(resource.spec.get("ignored", ()))
        return Wanted(
            resource.spec.get("key", str(resource.address)), fields, name=resource.address.name, ignored=ignored
        )

    def promised(self, resource, world):
        return resource.spec.get("promised", {})

    def normal(self, path, value):
        return self.noise[path].normal(value) if path in self.noise else value

    def beyond(self, live):
        return {}

    def outlook(self, resource, world):
        return resource.spec.get("outlook", Outlook())

    def protected(self, resource):
        return resource.spec.get("protect", False)

    def referenced(self, resource):
        return resource.spec.get("reference", False)

    def retries(self, resource):
        return resource.spec.get("retries", 0)

    def course(self, resource):
        return resource.spec.get("course", Course.LEFT)

    def adopted(self, resource):
        return resource.spec.get("adopted", "")

    def label(self, name):
        return name

    def renamed(self, resource, live):
        return False

    def adoption(self, resource, wanted, live):
        return Adoption()

    def surplus(self, declared, seen):
        return ()

    def failure(self, live):
        return Problem("FT3201", "it failed")

    def checks(self, resource):
        return resource.spec.get("checks", False)

    def predecessor(self, wanted, lives):
        return max(lives, key=lambda live: live.created, default=None)

    def budget(self, resource):
        return resource.spec.get("budget")

    def estimate(self, resource, wanted, declared, lives):
        return resource.spec.get("estimate")


RULES = {
    "account": FakeRules(
        "account", 1, replaceable=False, immutable=frozenset({"location"}), loss=ChangeClass.IRREVERSIBLE
    ),
    "roleAssignment": FakeRules("roleAssignment", 2),
    "dataset": FakeRules("dataset", 3, history=True, after=("roleAssignment",)),
    "job": FakeRules("job", 4, history=True, trains=True, after=("roleAssignment",)),
    "deployment": FakeRules(
        "deployment",
        5,
        serves=True,
        immutable=frozenset({"sku"}),
        classes={"model": ChangeClass.REPOINT, "tags": ChangeClass.METADATA},
        loss=ChangeClass.INTERRUPTS,
    ),
}


def declared(address, *references, **spec):
    return Resource(Address.parse(address), spec, tuple(Address.parse(text) for text in references))


def live(address, *, key=None, owner="mine", **more):
    found = Address.parse(address)
    more.setdefault("id", f"id-{address}")
    return Live(
        found.kind,
        key or address,
        name=found.name,
        label=found.name,
        fields=more.pop("fields", {}),
        owner=owner,
        **more,
    )


def decide(resources, lives, **options):
    return plan(
        HOME, resources, RULES, Observed(tuple(lives), options.pop("facts", {}), options.pop("blind", ())), **options
    )


def summary(made):
    return [(str(change.address), change.action, change.reason) for change in made.changes]


CASES = {
    "missing": ([declared("account/a")], [], ("account/a", Action.CREATE, Reason.MISSING)),
    "as declared": ([declared("account/a")], [live("account/a")], ("account/a", Action.NOOP, Reason.AS_DECLARED)),
    "on its way": (
        [declared("account/a")],
        [live("account/a", health=Health.PENDING)],
        ("account/a", Action.WAIT, Reason.IN_PROGRESS),
    ),
    "ended badly": (
        [declared("deployment/d")],
        [live("deployment/d", health=Health.FAILED)],
        ("deployment/d", Action.UPDATE, Reason.FAILED),
    ),
    "unmarked": (
        [declared("account/a")],
        [live("account/a", owner=None)],
        ("account/a", Action.BLOCKED, Reason.FOREIGN),
    ),
    "another stack's": (
        [declared("account/a")],
        [live("account/a", owner="theirs")],
        ("account/a", Action.BLOCKED, Reason.FOREIGN),
    ),
    "differs": (
        [declared("deployment/d", fields={"capacity": 2})],
        [live("deployment/d", fields={"capacity": 1})],
        ("deployment/d", Action.UPDATE, Reason.DIFFERS),
    ),
    "drifted": (
        [declared("deployment/d", fields={"capacity": 2})],
        [live("deployment/d", fields={"capacity": 1}, applied=digest({"capacity": 2})[:12])],
        ("deployment/d", Action.UPDATE, Reason.DRIFTED),
    ),
    "cannot change": (
        [declared("deployment/d", fields={"sku": "B"})],
        [live("deployment/d", fields={"sku": "A"})],
        ("deployment/d", Action.REPLACE, Reason.DIFFERS),
    ),
    "must not be replaced": (
        [declared("account/a", fields={"location": "b"})],
        [live("account/a", fields={"location": "a"})],
        ("account/a", Action.BLOCKED, Reason.REFUSED),
    ),
    "unchecked": (
        [declared("deployment/d", checks=True)],
        [live("deployment/d", unverified=True)],
        ("deployment/d", Action.WAIT, Reason.UNVERIFIED),
    ),
    "check no longer declared": (
        [declared("deployment/d")],
        [live("deployment/d", unverified=True)],
        ("deployment/d", Action.NOOP, Reason.AS_DECLARED),
    ),
    "failed job": (
        [declared("job/j")],
        [live("job/j", health=Health.FAILED)],
        ("job/j", Action.BLOCKED, Reason.FAILED),
    ),
    "cancelled job": (
        [declared("job/j")],
        [live("job/j", health=Health.CANCELLED)],
        ("job/j", Action.BLOCKED, Reason.CANCELLED),
    ),
    "failed and succeeded job": (
        [declared("job/j")],
        [live("job/j", health=Health.FAILED), live("job/j", id="2", created=9)],
        ("job/j", Action.NOOP, Reason.AS_DECLARED),
    ),
    "undeclared": ([], [live("deployment/d")], ("deployment/d", Action.DELETE, Reason.UNDECLARED)),
    "superseded job under way": (
        [],
        [live("job/j", health=Health.PENDING)],
        ("job/j", Action.DELETE, Reason.SUPERSEDED),
    ),
    "referenced": (
        [declared("account/a", reference=True)],
        [live("account/a", owner="theirs", fields={"x": 1})],
        ("account/a", Action.NOOP, Reason.REFERENCED),
    ),
    "referenced and absent": (
        [declared("account/a", reference=True)],
        [],
        ("account/a", Action.BLOCKED, Reason.REFUSED),
    ),
    "soft-deleted twin": (
        [declared("account/a", outlook=Outlook(problem=Problem("FT3007", "held")))],
        [],
        ("account/a", Action.BLOCKED, Reason.REFUSED),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_happens_to_one_thing(case):
    resources, lives, expected = CASES[case]
    made = decide(resources, lives)
    assert summary(made) == [expected]
    assert bool(made.problems) == (expected[1] is Action.BLOCKED)


@pytest.mark.parametrize(
    "kept",
    [
        live("job/old"),
        live("dataset/old"),
        live("dataset/old", health=Health.PENDING),
        live("deployment/x", owner="theirs"),
        live("deployment/x", owner=None),
    ],
)
def test_history_and_what_is_not_ours_stays(kept):
    assert decide([], [kept]).changes == ()


def test_adopting_marks_what_carries_no_mark_and_never_what_another_stack_owns():
    account = declared("account/a")
    (change,) = decide([account], [live("account/a", owner=None)], adopt={account.address}).changes
    assert (change.action, change.change_class) == (Action.ADOPT, ChangeClass.METADATA)
    (change,) = decide([account], [live("account/a", owner="theirs")], adopt={account.address}).changes
    assert change.action is Action.BLOCKED


def test_a_failed_job_is_run_again_only_when_asked():
    job = declared("job/j")
    (change,) = decide([job], [live("job/j", health=Health.FAILED)], retry={job.address}).changes
    assert (change.action, change.reason, change.change_class) == (Action.CREATE, Reason.RETRY, ChangeClass.TRAIN)


def test_of_two_running_jobs_of_one_recipe_the_older_stays():
    old, new = (live("job/j", id=f"j{n}", created=n, health=Health.PENDING) for n in (1, 2))
    made = decide([declared("job/j")], [new, old])
    assert summary(made) == [
        ("job/j", Action.WAIT, Reason.IN_PROGRESS),
        ("job/j@j2", Action.DELETE, Reason.DUPLICATE),
    ]
    assert made.changes[1].live is new


def test_new_data_trains_and_says_what_hangs_on_it():
    resources = [
        declared("deployment/d", "job/j", fields={"model": (Address("job", "j"), "model")}),
        declared("job/j", "dataset/t", key="job/new", fields={"training": "b"}),
        declared("dataset/t", key="dataset/new"),
    ]
    lives = [
        live("deployment/d", fields={"model": "m1"}),
        live("job/j", key="job/old", outputs={"model": "m1"}, fields={"training": "a"}),
        live("dataset/t", key="dataset/old"),
    ]
    made = decide(resources, lives)
    assert summary(made) == [
        ("dataset/t", Action.CREATE, Reason.MISSING),
        ("job/j", Action.CREATE, Reason.NEW_RECIPE),
        ("deployment/d", Action.UPDATE, Reason.FOLLOWS),
    ]
    _, job, deployment = made.changes
    assert job.change_class is ChangeClass.TRAIN
    assert [(f.path, f.before, f.after) for f in job.fields] == [("training", "a", "b")]
    assert job.affects == (Address("deployment", "d"),)
    assert deployment.change_class is ChangeClass.REPOINT
    assert str(deployment.after["model"]) == "(known after job/j)"


def test_a_recipe_that_has_run_is_used_again():
    resources = [
        declared("job/j", key="job/old"),
        declared("deployment/d", "job/j", fields={"model": (Address("job", "j"), "model")}),
    ]
    lives = [
        live("job/j", key="job/old", id="1", outputs={"model": "m1"}),
        live("job/j", key="job/new", id="2", outputs={"model": "m2"}),
        live("deployment/d", fields={"model": "m2"}),
    ]
    job, deployment = decide(resources, lives).changes
    assert job.action is Action.NOOP
    assert (deployment.change_class, deployment.after) == (ChangeClass.REPOINT, {"model": "m1"})


def test_destroy_takes_down_in_reverse_and_tells_namesakes_apart():
    lives = [
        live("account/a"),
        live("dataset/t", id="f1", key="1"),
        live("dataset/t", id="f2", key="2"),
        live("job/j"),
        live("deployment/d"),
    ]
    made = decide([declared("account/a")], lives, mode=Mode.DESTROY)
    assert [str(change.address) for change in made.changes] == [
        "deployment/d",
        "job/j",
        "dataset/t@f1",
        "dataset/t@f2",
        "account/a",
    ]
    steps = lower(made, RULES)
    assert [sorted(step.needs) for step in steps] == [[], [0], [0, 1], [0, 1], [0, 1, 2, 3]]


def test_protect_blocks_a_deletion_declared_or_applied_before():
    account = declared("account/a", protect=True)
    assert [p.code for p in decide([account], [live("account/a")], mode=Mode.DESTROY).problems] == ["FT3006"]
    assert [p.code for p in decide([], [live("account/a", protected=True)]).problems] == ["FT3006"]
    assert not decide([account], [live("account/a")]).problems


def test_a_refused_listing_is_an_error_unless_the_right_is_on_its_way():
    refused = Problem("FT2001", "may not list files")
    blind = (Blind("dataset", "account/a", refused),)
    assert decide([], [], blind=blind).problems == (refused,)
    assert not decide([declared("roleAssignment/r")], [], blind=blind).problems
    assert not decide(
        [declared("roleAssignment/r")], [live("roleAssignment/r", created=1000.0)], blind=blind, now=1060.0
    ).problems
    assert decide(
        [declared("roleAssignment/r")], [live("roleAssignment/r", created=1000.0)], blind=blind, now=9999.0
    ).problems
    assert not decide([], [live("account/a")], blind=blind, mode=Mode.DESTROY).problems


def test_deletions_come_last_and_a_replacement_deletes_first():
    resources = [declared("deployment/d", fields={"sku": "B"}), declared("deployment/new")]
    steps = lower(decide(resources, [live("deployment/d", fields={"sku": "A"}), live("deployment/gone")]), RULES)
    told = {(step.op, str(step.address)): step for step in steps}
    assert told[Op.CREATE, "deployment/d"].needs == {told[Op.DELETE, "deployment/d"].number}
    built = {step.number for step in steps if step.address.name != "gone"}
    assert told[Op.DELETE, "deployment/gone"].needs == built


names = st.sampled_from(["a", "b", "c"])
lives_of_kinds = st.lists(
    st.builds(
        lambda kind, name, owner, health, n: live(
            f"{kind}/{name}", owner=owner, health=health, id=f"{kind}{name}{n}", created=n
        ),
        st.sampled_from(list(RULES)),
        names,
        st.sampled_from(["mine", "theirs", None]),
        st.sampled_from(list(Health)),
        st.integers(0, 99),
    ),
    max_size=8,
    unique_by=lambda found: (found.kind, found.created),
)
resources_of_kinds = st.sets(st.tuples(st.sampled_from(list(RULES)), names), max_size=6).map(
    lambda found: [declared(f"{kind}/{name}") for kind, name in sorted(found)]
)


@given(resources_of_kinds, lives_of_kinds, st.sampled_from(list(Mode)))
def test_nothing_that_is_not_owned_is_changed_or_deleted(resources, lives, mode):
    made = decide(resources, lives, mode=mode)
    touched = {Action.UPDATE, Action.REPLACE, Action.DELETE, Action.ADOPT}
    assert all(change.live.owner == "mine" for change in made.changes if change.action in touched)


@given(resources_of_kinds, lives_of_kinds)
def test_the_same_facts_give_the_same_digest_in_any_order(resources, lives):
    assert decide(resources, lives).digest() == decide(list(reversed(resources)), list(reversed(lives))).digest()


@given(resources_of_kinds, lives_of_kinds)
def test_every_declared_thing_has_one_change_and_steps_have_no_cycle(resources, lives):
    made = decide(resources, lives)
    addresses = [change.address for change in made.changes if change.action is not Action.DELETE]
    assert sorted(addresses) == sorted(resource.address for resource in resources)
    assert all(need < step.number or step.op is Op.DELETE for step in lower(made, RULES) for need in step.needs)
