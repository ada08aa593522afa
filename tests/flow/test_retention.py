"""`keep: N`: the newest superseded trainings stay; older ones go, unless something needs them."""

from __future__ import annotations

from ftctl.core.changes import Action, Reason, Sight
from ftctl.core.errors import Exit
from ftctl.core.model import Address, ChangeClass, Home, Live, Resource, Wanted, World
from ftctl.core.steps import Op, lower
from ftctl.kinds import kinds, retention
from ftctl.kinds.job import JobSpec
from ftctl.local.azure import Fault
from ftctl.render.look import Look
from ftctl.render.text import plan_text

from .ending import cancel_by_hand, status

FORMER = "ftctl-previous"


def trained(lab, *seeds: int) -> list[dict]:
    """Train and serve one recipe after the other; the jobs that there are then, oldest first."""
    for seed in seeds:
        lab.spec["jobs"]["tone"]["seed"] = seed
        assert lab.apply().exit is Exit.DONE
        lab.clock.advance(60)
    return jobs(lab)


def jobs(lab) -> list[dict]:
    return sorted(lab.stored("job"), key=lambda one: one["created_at"])


def seeds(lab) -> list[int]:
    return [one["seed"] for one in jobs(lab)]


def of_jobs(plan) -> dict[int, tuple]:
    return {
        one.live.fields["seed"]: (one.action, one.reason)
        for one in plan.changes
        if one.kind == "job" and one.reason in {Reason.EXPIRED, Reason.KEPT}
    }


def keep(lab, number: int) -> None:
    lab.spec["jobs"]["tone"]["keep"] = number


def test_without_keep_everything_stays(lab):
    trained(lab, 1, 2, 3)
    assert lab.plan().empty
    assert seeds(lab) == [1, 2, 3]


def test_the_newest_stay_and_the_older_go_with_results_and_models(lab):
    old = trained(lab, 1, 2, 3, 4)[:2]
    keep(lab, 1)
    made = lab.plan()
    assert of_jobs(made) == {1: (Action.DELETE, Reason.EXPIRED), 2: (Action.DELETE, Reason.EXPIRED)}
    assert {one.change_class for one in made.pending} == {ChangeClass.IRREVERSIBLE}
    told = " ".join(plan_text(made, Look()).split())
    assert "are irreversible" in told
    assert "job/tone keeps 1; " in told
    assert lab.apply().exit is Exit.DONE
    assert seeds(lab) == [3, 4]
    files = {one["id"] for one in lab.stored("file")}
    models = {one["id"] for one in lab.stored("model")}
    for job in old:
        assert not files & set(job["result_files"])
        assert job["fine_tuned_model"] not in models
    assert lab.plan().empty
    trained(lab, 5)
    assert seeds(lab) == [4, 5]
    assert lab.plan().empty


def test_what_serves_and_what_served_before_it_stay(lab):
    trained(lab, 1, 2, 3)
    keep(lab, 0)
    lab.spec["jobs"]["tone"]["seed"] = 4
    lab.spec["deployments"]["prod"] = {"model": {"name": lab.served_model(), "version": "1"}, "capacity": 50}
    lab.spec["deployments"]["other"] = {"model": {"job": "tone"}, "capacity": 5}
    assert lab.apply().exit is Exit.DONE
    made = lab.plan()
    assert made.empty
    assert of_jobs(made) == {2: (Action.NOOP, Reason.KEPT), 3: (Action.NOOP, Reason.KEPT)}
    assert seeds(lab) == [2, 3, 4]
    told = " ".join(plan_text(made, Look()).split())
    assert "deployment/prod serves its model" in told
    assert "deployment/prod served its model before, and may be put back to it" in told
    del lab.spec["deployments"]["prod"]
    assert lab.apply().exit is Exit.DONE
    assert seeds(lab) == [4]
    assert lab.plan().empty


def test_a_checkpoint_that_serves_keeps_its_job(lab):
    lab.spec["jobs"]["tone"]["hyperparameters"] = {"n_epochs": 3}
    trained(lab, 1)
    served = next(one["id"] for one in lab.stored("model") if ":ckpt-step-" in one["id"])
    lab.spec["deployments"]["prod"] = {"model": {"name": served, "version": "1"}, "capacity": 50}
    trained(lab, 2)
    keep(lab, 0)
    assert of_jobs(lab.plan()) == {1: (Action.NOOP, Reason.KEPT)}


def test_what_somebody_else_deployed_by_hand_stays(lab):
    model = trained(lab, 1)[0]["fine_tuned_model"]
    trained(lab, 2, 3)
    body = {"sku": {"name": "GlobalStandard", "capacity": 1}}
    body["properties"] = {"model": {"format": "OpenAI", "name": model, "version": "1"}}
    (account,) = lab.stored("account")
    with lab.clients() as clients:
        clients.arm.put_deployment(f"{account['id']}/deployments/theirs", body)
    keep(lab, 0)
    lab.clock.advance(600)
    assert lab.apply().exit is Exit.DONE
    assert 1 in seeds(lab)


def test_what_a_declared_job_goes_on_from_stays(lab):
    first = trained(lab, 1)[0]
    trained(lab, 2, 3)
    keep(lab, 0)
    lab.spec["jobs"]["more"] = {"model": first["fine_tuned_model"], "training": "train", "state": "paused"}
    assert of_jobs(lab.plan())[1] == (Action.NOOP, Reason.KEPT)
    assert "job/more goes on from its model" in " ".join(plan_text(lab.plan(), Look()).split())


def test_other_declarations_other_stacks_and_failures_are_not_counted(lab):
    lab.spec["jobs"]["else"] = {**lab.spec["jobs"]["tone"], "seed": 77}
    lab.spec["deployments"] = {}
    trained(lab, 1)
    lab.spec["jobs"]["tone"]["seed"] = 2
    lab.apply(wait=30.0)
    cancel_by_hand(lab)
    trained(lab, 3, 4)
    keep(lab, 1)
    assert of_jobs(lab.plan()) == {1: (Action.DELETE, Reason.EXPIRED)}
    assert lab.apply().exit is Exit.DONE
    assert sorted(seeds(lab)) == [2, 3, 4, 77]
    assert [status(lab, one) for one in jobs(lab) if one["seed"] == 2] == ["cancelled"]
    lab.spec["stack"] = "another"
    assert of_jobs(lab.plan(adopt=())) == {}


def test_deletions_come_last_and_not_at_all_where_something_fails(lab):
    trained(lab, 1, 2, 3)
    keep(lab, 0)
    lab.spec["jobs"]["tone"]["seed"] = 4
    made = lab.plan()
    steps = lower(made, kinds())
    doomed = [step for step in steps if step.op is Op.DELETE]
    assert [step.change.live.fields["seed"] for step in doomed] == [1, 2]
    for step in doomed:
        assert step.needs == {one.number for one in steps if one not in doomed} != set()
    lab.azure.faults.append(
        lambda request, route: Fault(status=400, code="x") if route.name == "arm_deployments.put_deployment" else None
    )
    lab.apply()
    assert seeds(lab) == [1, 2, 3, 4]


def test_what_began_to_serve_since_the_plan_loses_nothing(lab):
    """Azure refuses to delete the model, and that is asked for before anything else."""
    first = trained(lab, 1)[0]
    trained(lab, 2, 3)
    keep(lab, 0)
    lab.azure.faults.append(
        lambda request, route: (
            Fault(status=409, code="conflict") if request.method == "DELETE" and "/models/" in request.path else None
        )
    )
    report = lab.apply()
    assert report.exit is Exit.ERROR
    assert 1 in seeds(lab)
    assert set(first["result_files"]) <= {one["id"] for one in lab.stored("file")}


def test_where_deployments_cannot_be_seen_nothing_goes(lab):
    spec = JobSpec(model="gpt-4.1-mini-2025-04-14", training="train", keep=0)
    account, job = Address("account", "main"), Address("job", "tone")
    world = World(Home("tone", "s", "g"))
    wanted = Wanted("a|x|1", {}, {"account": "/A", "texts": frozenset({"tone"})})
    live = Live("job", "a|x|2", "ftjob-2", "s", {}, owner="tone", label="tone", within="/a", outputs={"model": "m"})
    declared = {job: Resource(job, spec, (account,))}
    (seen,) = retention.surplus(declared, {job: wanted}, Sight(world, (live,)))
    (unseen,) = retention.surplus(declared, {job: wanted}, Sight(world, (live,), frozenset({"/a"})))
    assert (seen.needed, bool(unseen.needed)) == ("", True)
