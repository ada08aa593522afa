"""Where a deployment comes from, followed through a local Azure: chains, gates, marks, and what nobody can know."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ftctl import workflow
from ftctl.core.model import Home, Wanted
from ftctl.engine.execute import Stop
from ftctl.kinds import marks
from ftctl.local.faults import Fault
from ftctl.render.lineage import lineage_json, lineage_text
from ftctl.render.look import Look
from ftctl.render.model_card import model_cards
from ftctl.results import lineage
from ftctl.spec.schema import load_schema
from tests.flow.conftest import actions, examples

ORIGIN = {marks.REVISION: "4" * 40, marks.PLAN: "a" * 64, marks.APPROVED: "anna"}


@cache
def schema():
    """The published schema, in which no other field is allowed than those it names."""
    made = load_schema(lineage.NAME)
    for part in (made, *made["$defs"].values()):
        part["additionalProperties"] = False
    return Draft202012Validator(made)


def applied(lab, origin=ORIGIN):
    stack = lab.stack()
    with lab.clients() as clients:
        plan = workflow.plan(stack, clients, clock=lab.clock)
        run = {"clock": lab.clock, "emit": lab.events.append, "stop": Stop()}
        report = workflow.apply(plan, stack, clients, **run, origin=origin)
    assert not report.exit
    return plan


def traced(lab, *names):
    """The lineages, each of which can be shown in every form."""
    with lab.clients() as clients:
        found = workflow.lineage(lab.stack(), clients, names, clock=lab.clock)
    schema().validate(json.loads(lineage_json(found, ())))
    for one in found:
        text, card = lineage_text(one, Look()), model_cards([one])
        assert one.model.name in text
        assert card.startswith(f"# {one.name}")
        for missing in one.unknown:
            assert missing.split()[0] in text
    return found


def test_the_schema_is_that_of_the_values():
    assert load_schema(lineage.NAME) == lineage.schema()


def test_a_deployment_leads_back_to_its_data(lab):
    applied(lab)
    calls = len(lab.writes())
    (one,) = traced(lab)
    assert len(lab.writes()) == calls  # it reads only
    assert (one.name, one.account, one.location, one.owner) == ("prod", "aoai-tone", "swedencentral", "tone")
    assert (one.origin.revision, one.origin.plan, one.origin.approved) == ("4" * 40, "a" * 64, "anna")
    assert one.origin.by
    assert one.origin.at
    job = one.job
    assert (job.id, job.declared, job.status) == (lab.stored("job")[0]["id"], "job/tone", "succeeded")
    assert job.trained == one.model.name == lab.served_model()
    assert job.trained.endswith(job.recipe.fingerprint)
    fields = {"method": "supervised", "trainingType": "globalStandard", "seed": 105, "n_epochs": 2}
    assert fields.items() <= job.recipe.fields.items()
    assert isinstance(job.recipe.fields["batch_size"], int)  # what Azure chose
    assert [(data.role, data.dataset, data.examples) for data in job.data] == [
        ("training", "train", 12),
        ("validation", "valid", 10),
    ]
    hashes = {one.outputs["sha256"] for one in _lives(lab) if one.kind == "dataset" and one.label}
    assert {data.sha256 for data in job.data} == hashes
    assert "train_loss" in job.measures
    assert (one.model.step, one.model.checkpoint, one.model.base) == (24, "the last", "gpt-4.1-mini-2025-04-14")
    assert one.unknown == []


def _lives(lab):
    with lab.clients() as clients:
        return workflow.observe(lab.stack(), clients).lives


def test_the_marks_are_no_difference_and_only_what_is_written_gets_new_ones(lab):
    lab.spec["resources"]["main"]["tags"] = {"team": "desk"}
    applied(lab)
    assert lab.plan().empty
    applied(lab, {marks.REVISION: "5" * 40})
    assert traced(lab)[0].origin.revision == "4" * 40
    lab.spec["deployments"]["prod"]["capacity"] = 60
    assert actions(lab.plan()) == {"deployment/prod": "update"}
    applied(lab, {marks.REVISION: "5" * 40})
    (one,) = traced(lab)
    assert (one.origin.revision, one.origin.plan, one.origin.approved) == ("5" * 40, "", "")
    assert one.unknown == ["plan, approver: what wrote the deployment last did not say"]
    (account,) = lab.stored("account")
    assert (account["tags"]["team"], account["tags"][marks.APPROVED]) == ("desk", "anna")


def test_an_older_version_wrote_no_such_marks(lab):
    applied(lab, None)
    (one,) = traced(lab)
    assert one.unknown == ["git revision, plan, approver: what wrote the deployment last did not say"]
    assert one.job is not None


def test_what_was_changed_outside_is_told_from_what_was_approved(lab):
    applied(lab)
    (body,) = lab.stored("deployment")
    with lab.clients() as clients:
        clients.arm.patch_deployment(body["id"], {"tags": body["tags"], "sku": {**body["sku"], "capacity": 70}})
    (one,) = traced(lab)
    assert one.capacity == 70
    assert one.unknown == ["who changed the deployment since: it is not as its marks say that it was written"]


def test_a_training_that_goes_on_from_another_leads_to_both(lab):
    lab.data("more", examples(14, "scanner"))
    lab.spec["datasets"]["more"] = {"path": "more.jsonl"}
    first = lab.spec["jobs"]["tone"]
    lab.spec["jobs"]["further"] = {**deepcopy(first), "model": {"job": "tone"}, "training": "more"}
    lab.spec["deployments"]["prod"]["model"] = {"job": "further"}
    applied(lab)
    (one,) = traced(lab)
    assert [job.declared for job in one.line] == ["job/further", "job/tone"]
    assert one.line[0].model == one.line[1].trained
    assert one.model.base == one.line[1].model == "gpt-4.1-mini-2025-04-14"
    assert "## Earlier trainings" in model_cards([one])
    with lab.clients() as clients:
        live = next(live for live in _lives(lab) if live.id == one.line[1].id)
        clients.data(live.outputs["endpoint"]).delete_job(live.id)
    lab.spec["jobs"].pop("tone")
    lab.spec["jobs"]["further"]["model"] = one.line[0].model
    (one,) = traced(lab)
    assert len(one.line) == 1
    assert one.unknown == [f"what made {one.job.model}, with which {one.job.id} began: no job of the account did"]


def test_older_data_is_told_by_its_hash(lab):
    applied(lab)
    before = traced(lab)[0].job.data[0]
    lab.data("train", examples(16, "router"))
    (data, _) = traced(lab)[0].job.data
    assert (data.sha256, data.dataset, data.examples) == (before.sha256, "train", None)
    assert data.bytes == before.bytes
    applied(lab)
    (one,) = traced(lab)
    assert one.job.data[0].examples == 16
    assert one.previous != one.model.name


def test_what_a_gate_says_of_the_model_that_serves(lab):
    lab.spec["jobs"]["tone"]["gates"] = [{"metric": "train_loss", "max": 1000}]
    applied(lab)
    (one,) = traced(lab)
    assert one.gate.passed
    (condition,) = one.gate.conditions
    assert (condition.condition, condition.passed) == ("train_loss at most 1000", True)
    assert condition.value == one.job.measures["train_loss"]
    assert "| train&#95;loss at most 1000: it is" in model_cards([one])
    lab.spec["jobs"]["tone"]["gates"] = [{"metric": "train_loss", "max": 0}]
    (one,) = traced(lab)
    assert not one.gate.passed
    assert "The gate refuses it" in lineage_text(one, Look())


def test_what_serves_is_not_what_the_gate_judges(lab):
    lab.spec["jobs"]["tone"]["gates"] = [{"metric": "train_loss", "max": 1000}]
    lab.spec["jobs"]["other"] = {**deepcopy(lab.spec["jobs"]["tone"]), "seed": 7}
    applied(lab)
    lab.spec["deployments"]["prod"]["model"] = {"job": "other"}
    (one,) = traced(lab)
    assert one.gate is None
    assert "whether it passes its gate: that judges another model than the one that serves" in one.unknown
    assert one.job.declared == "job/tone"


def test_a_base_model_has_no_job_and_nothing_is_missing(lab):
    lab.spec["deployments"]["prod"]["model"] = {"name": "gpt-4.1-mini", "version": "2025-04-14"}
    applied(lab)
    (one,) = traced(lab)
    assert (one.job, one.unknown, one.model.fine_tuned, one.model.base) == (None, [], False, "gpt-4.1-mini")


def test_nobody_knows_what_a_stranger_made(lab):
    applied(lab)
    (body,) = lab.stored("deployment")
    strange = body["id"].replace("/prod", "/strange")
    with lab.clients() as clients:
        content = {"sku": {"name": "Standard", "capacity": 1}, "properties": {"model": body["properties"]["model"]}}
        clients.arm.put_deployment(strange, content)
    assert [one.name for one in traced(lab)] == ["prod"]
    (one,) = traced(lab, "strange")
    assert not one.declared
    assert one.unknown == ["who made the deployment, and from what: it carries no stack's mark"]
    assert one.job.declared == "job/tone"


def test_what_may_not_be_read_is_not_taken_for_missing(lab):
    applied(lab)
    refusal = Fault(status=401, code="PermissionDenied")
    lab.azure.faults.append(lambda request, route: refusal if "/fine_tuning/jobs" in request.path else None)
    (one,) = traced(lab)
    assert one.unknown == [f"what made {one.model.name}: the jobs of the account may not be read"]


def test_results_that_are_gone_leave_the_rest(lab):
    applied(lab)
    with lab.clients() as clients:
        (body,) = lab.stored("job")
        live = next(live for live in _lives(lab) if live.id == body["id"])
        for file in live.raw["result_files"]:
            clients.data(live.outputs["endpoint"]).delete_file(file)
    (one,) = traced(lab)
    assert one.unknown == [f"what {one.job.id} measured: its results are gone"]
    assert one.job.recipe.fingerprint


def test_fifty_tags_leave_no_room_for_marks(lab):
    """ftctl's own three go first: a stack may have as many tags as before there were marks of an origin."""
    lab.spec["resources"]["main"]["tags"] = {f"tag-{n}": "x" for n in range(46)}
    applied(lab)
    (account,) = lab.stored("account")
    assert len(account["tags"]) == 49
    assert marks.REVISION not in account["tags"]
    assert traced(lab)[0].origin.revision == "4" * 40


_TAGS = st.dictionaries(st.sampled_from([*ORIGIN, marks.STACK, *(f"t{n}" for n in range(60))]), st.text(max_size=5))


@given(_TAGS, _TAGS)
def test_other_tags_survive_and_old_origins_do_not(live, new):
    others = {**live, **new}.keys() - marks.ORIGIN
    found = marks.written(live, new)
    assert found.keys() - marks.ORIGIN == others
    assert found.keys() & marks.ORIGIN <= new.keys()
    assert len(found) <= max(50, len(others))
    assert all(found[name] == {**live, **new}[name] for name in found)


def test_no_mark_is_longer_than_azure_takes():
    home = Home("tone", "sub", "rg", {marks.APPROVED: "x" * 300, marks.PLAN: ""})
    made = marks.tags(home, "prod", Wanted("key", {}))
    assert made[marks.APPROVED] == "x" * 256
    assert marks.PLAN not in made
