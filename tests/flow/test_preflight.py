"""What a plan would run into is told in one table before anything is written: who, what for, where, and how sure."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from ftctl.core.changes import Action
from ftctl.core.errors import Exit, FtctlError
from ftctl.core.model import Standing
from ftctl.core.preflight import counted, table
from ftctl.local import catalog, identity, quotas, roles
from ftctl.local.azure import Fault
from ftctl.render.look import Look
from ftctl.render.text import plan_text

from .conftest import examples, refused
from .test_reads import calls_of, signed_in

CONTRIBUTOR = "Cognitive Services OpenAI Contributor"
GROUP = f"/subscriptions/{identity.SUBSCRIPTION_ID}/resourceGroups/rg-tone"
ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/aoai-tone"


def found(plan, check: str, address: str = "") -> list:
    """The findings of one check, of the whole plan or of one change."""
    return [one for at, one in table(plan) if one.check == check and at == address]


def standings(plan, check: str, address: str = "") -> list[Standing]:
    return [one.standing for one in found(plan, check, address)]


def give(lab, who: identity.Principal, title: str, *, scope: str = "", condition: str = "") -> None:
    """A role in effect, assigned past the clients."""
    one = roles.named(title)
    scope = scope or f"/subscriptions/{identity.SUBSCRIPTION_ID}"
    sent = {"roleDefinitionId": roles.definition_id(one), "principalId": who.id, "principalType": who.kind}
    sent |= {"condition": condition, "conditionVersion": "2.0"} if condition else {}
    doc = roles.assignment(lab.azure, scope, str(uuid.uuid5(uuid.UUID(who.id), title + scope)), sent, who.id)
    lab.azure.store.put("role_assignment", doc["id"], doc, parent=scope)


def refuse(lab, part: str, **fault) -> None:
    """Whatever has `part` in its path is refused."""
    refusal = Fault(**fault)
    lab.azure.faults.append(lambda request, route: refusal if part in request.path else None)


def new_data(lab) -> None:
    lab.data("train", examples(13))


# --- the table


def test_a_plan_of_everything_is_checked_in_all_ways_and_only_by_reads(lab):
    calls = []
    plan = None

    def run():
        nonlocal plan
        plan = lab.plan()

    calls = calls_of(lab, run)
    assert {call.method for call in calls} == {"GET"}
    checks = {one.check for _, one in table(plan)}
    assert checks == {
        "credentials", "api", "permissions", "name", "soft-deleted", "quota", "data", "availability", "retirement",
        "method", "jobs", "queue",
    }  # fmt: skip
    asked = [call.path for call in calls]
    assert sum("/usages" in path for path in asked) == 1
    assert sum(path.endswith("/models") for path in asked) == 1
    assert sum(path.endswith("/permissions") for path in asked) == 1


def test_a_plan_without_changes_is_not_checked(lab):
    lab.apply()
    plan = lab.plan()
    assert plan.empty
    assert not table(plan)
    assert "Preflight" not in plan_text(plan, Look())
    assert not [call for call in calls_of(lab, lab.plan) if "/permissions" in call.path or "/usages" in call.path]


def test_the_text_has_a_line_of_numbers_and_rows_for_what_did_not_pass(lab):
    plan = lab.plan()
    text = plan_text(plan, Look(width=200))
    lines = text.split("\n")
    (at,) = [number for number, line in enumerate(lines) if line.startswith("Preflight: ")]
    assert lines[at] == f"Preflight: {counted(plan)}"
    doubtful = {one.what for _, one in table(plan) if one.standing is not Standing.PASS}
    passed = {one.what for _, one in table(plan) if one.standing is Standing.PASS}
    assert all(what in " ".join(text.split()) for what in doubtful)
    assert not any(what in text for what in passed)
    assert len(lines[at].split(", ")) == 3


def test_no_digest_knows_of_the_table(lab):
    before = lab.plan()
    refuse(lab, "/permissions", status=403, code="AuthorizationFailed", message="no")
    after = lab.plan()
    assert table(before) != table(after)
    assert before.digest() == after.digest()


# --- who is signed in, and what they may do


def test_it_says_who_is_signed_in_and_never_shows_a_token(lab):
    with lab.clients() as clients:
        token = clients.credentials.token(clients.cloud.arm_scope)
    plan = lab.plan()
    (one,) = found(plan, "credentials")
    assert one.standing is Standing.PASS
    for part in (identity.FTCTL_LOCAL.id, identity.FTCTL_LOCAL.client_id, identity.TENANT_ID):
        assert part in one.what
    assert "management.azure.com and cognitiveservices.azure.com" in one.basis
    said = repr(plan) + plan_text(plan, Look())
    assert not [part for part in token.split(".") if part in said]


def test_a_token_that_ends_soon_is_a_warning(lab, monkeypatch):
    monkeypatch.setattr(identity, "LIFETIME", 480)
    told = found(lab.plan(), "credentials")
    assert [one.standing for one in told] == [Standing.WARN, Standing.WARN, Standing.PASS]
    assert "ends in 8 minutes" in told[0].what


def test_an_owner_of_the_control_plane_may_not_touch_data(lab):
    """What the plan assigns to a group may be the way to it; without that it is certain that there is none."""
    told = found(lab.plan(), "permissions")
    assert [one.standing for one in told] == [Standing.UNVERIFIED, Standing.PASS]
    assert "OpenAI/files/write, OpenAI/fine-tunes/write on aoai-tone" in told[0].what
    assert "assigns Cognitive Services OpenAI Contributor to ml-engineers" in told[0].what
    assert "accounts/write" in told[1].what
    del lab.spec["roleAssignments"]["engineers"]
    failed, _ = found(lab.plan(), "permissions")
    assert failed.standing is Standing.FAIL
    assert failed.what.endswith(f"no role of the caller gives it; '{CONTRIBUTOR}' gives it")
    before = len(lab.writes())
    assert refused(lab.apply) == ["FT3320"]
    assert len(lab.writes()) == before
    assert lab.stored("group") == []


def test_a_role_that_the_plan_assigns_to_the_caller_is_on_its_way(lab):
    lab.spec["roleAssignments"]["engineers"]["principal"] = {"servicePrincipal": "ftctl-local"}
    told = found(lab.plan(), "permissions")
    assert {one.standing for one in told} == {Standing.PASS}
    assert any("on its way, as the plan assigns" in one.what for one in told)
    assert lab.apply().exit is Exit.DONE


def test_a_role_for_somebody_else_is_no_way(lab):
    lab.spec["roleAssignments"]["engineers"]["principal"] = {"servicePrincipal": "ci-pipeline"}
    assert standings(lab.plan(), "permissions") == [Standing.FAIL, Standing.PASS]


def test_a_reader_sees_what_is_missing_and_keeps_the_digest(lab):
    writers = lab.plan()
    signed_in(lab, identity.FTCTL_READER)
    plan = lab.plan()
    failed = [one for one in found(plan, "permissions") if one.standing is Standing.FAIL]
    assert {one.scope for one in failed} == {f"/subscriptions/{identity.SUBSCRIPTION_ID}"}
    told = " ".join(one.what for one in failed)
    for action in ("accounts/write", "roleAssignments/write", "resourceGroups/write"):
        assert action in told
    assert plan.digest() == writers.digest()
    assert plan.applyable
    assert not plan.problems


def test_a_contributor_of_the_data_may_train_and_deploy_but_make_no_account(lab):
    lab.apply()
    give(lab, identity.CI_PIPELINE, "Reader")
    give(lab, identity.CI_PIPELINE, CONTRIBUTOR, scope=ACCOUNT)
    signed_in(lab, identity.CI_PIPELINE)
    new_data(lab)
    (one,) = found(lab.plan(), "permissions")
    assert one.standing is Standing.PASS
    assert one.scope == ACCOUNT
    assert "OpenAI/files/write, OpenAI/fine-tunes/write" in one.what
    assert "accounts/deployments/write" in one.what
    lab.spec["resources"]["main"]["tags"] = {"team": "ml"}
    failed, _ = found(lab.plan(), "permissions")
    assert failed.standing is Standing.FAIL
    assert failed.what.startswith("accounts/write on aoai-tone, for account/main")
    assert "'Cognitive Services Contributor' gives it" in failed.what


def test_a_condition_that_may_bind_the_action_leaves_it_open(lab):
    lab.apply()
    give(lab, identity.CI_PIPELINE, "Reader")
    bound = "((!(ActionMatches{'Microsoft.CognitiveServices/accounts/OpenAI/files/*'})) OR (@Request[x] ForAny {y}))"
    give(lab, identity.CI_PIPELINE, CONTRIBUTOR, scope=ACCOUNT, condition=bound)
    signed_in(lab, identity.CI_PIPELINE)
    new_data(lab)
    doubt, sure = found(lab.plan(), "permissions")
    assert (doubt.standing, sure.standing) == (Standing.UNVERIFIED, Standing.PASS)
    assert doubt.what.startswith("OpenAI/files/write on aoai-tone")
    assert "condition" in doubt.what
    assert "OpenAI/fine-tunes/write" in sure.what


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403, "code": "AuthorizationFailed", "message": "The client may not do that."},
        {"status": 404, "code": "ResourceNotFound", "message": "There is none."},
        {"kind": "reset"},
    ],
    ids=["refused", "missing", "broken"],
)
def test_a_permission_call_that_fails_leaves_open_what_is_allowed_and_stops_nothing(lab, fault):
    refuse(lab, "/permissions", **fault)
    (one,) = found(lab.plan(), "permissions")
    assert one.standing is Standing.UNVERIFIED
    assert one.what.startswith("whether OpenAI/files/write, OpenAI/fine-tunes/write, accounts/deployments/write")
    assert one.basis
    assert lab.apply().exit is Exit.DONE


def test_deleting_takes_rights_too(lab):
    lab.apply()
    lab.spec["deployments"] = {}
    (one,) = found(lab.plan(), "permissions")
    assert one.what == "accounts/deployments/delete on aoai-tone"


# --- quotas


def test_a_quota_that_does_not_suffice_blocks_before_anything_is_written(lab, monkeypatch):
    monkeypatch.setattr(quotas, "limit", lambda name: 8 if name.endswith("mini-finetune") else 100)
    plan = lab.plan()
    (blocked,) = [change for change in plan.changes if change.action is Action.BLOCKED]
    assert str(blocked.address) == "deployment/prod"
    (problem,) = plan.problems
    assert problem.code == "FT3321"
    assert problem.what.startswith("50 of OpenAI.GlobalStandard.gpt4.1-mini-finetune are needed, and 8 of 8 are left")
    assert problem.where.line == plan_line(lab, "capacity")
    before = len(lab.writes())
    assert refused(lab.apply) == ["FT3321"]
    assert len(lab.writes()) == before


def plan_line(lab, word: str) -> int:
    lines = (lab.folder / "stack.yaml").read_text().split("\n")
    return 1 + next(number for number, line in enumerate(lines) if line.strip().startswith(f"{word}:"))


def test_deployments_of_one_plan_share_a_quota(lab, monkeypatch):
    monkeypatch.setattr(quotas, "limit", lambda name: 120 if name.endswith("mini-finetune") else 100)
    lab.spec["deployments"]["more"] = {"model": {"job": "tone"}, "capacity": 50}
    assert not lab.plan().problems
    lab.spec["deployments"]["last"] = {"model": {"job": "tone"}, "capacity": 50}
    (problem,) = lab.plan().problems
    assert problem.what.endswith("20 of 120 are left, after 100 for others of this plan")


def test_more_capacity_takes_only_what_it_adds_and_less_takes_nothing(lab, monkeypatch):
    lab.apply()
    monkeypatch.setattr(quotas, "limit", lambda name: 60 if name.endswith("mini-finetune") else 100)
    lab.spec["deployments"]["prod"]["capacity"] = 60
    (one,) = found(lab.plan(), "quota", "deployment/prod")
    assert (one.standing, one.what[:6]) == (Standing.PASS, "10 of ")
    lab.spec["deployments"]["prod"]["capacity"] = 61
    assert [problem.code for problem in lab.plan().problems] == ["FT3321"]
    lab.spec["deployments"]["prod"]["capacity"] = 10
    assert not found(lab.plan(), "quota", "deployment/prod")


def test_where_the_plan_gives_some_back_nothing_is_certain(lab, monkeypatch):
    lab.apply()
    monkeypatch.setattr(quotas, "limit", lambda name: 60 if name.endswith("mini-finetune") else 100)
    lab.spec["deployments"] = {"other": {"model": {"job": "tone"}, "capacity": 50}}
    plan = lab.plan()
    assert Standing.WARN in standings(plan, "quota", "deployment/other")
    assert not plan.problems


def test_how_many_fine_tuned_deployments_a_region_takes_counts(lab, monkeypatch):
    monkeypatch.setattr(quotas, "limit", lambda name: 0 if name == quotas.TUNED_DEPLOYMENTS else 500)
    (problem,) = lab.plan().problems
    assert problem.what.startswith("1 of OpenAI.FineTuned.Deployments are needed")


def test_a_region_that_takes_no_more_accounts_blocks(lab, monkeypatch):
    monkeypatch.setattr(quotas, "limit", lambda name: 0 if name == "AccountCount" else 500)
    plan = lab.plan()
    assert [problem.code for problem in plan.problems] == ["FT3321"]
    assert [str(one.address) for one in plan.changes if one.action is Action.BLOCKED] == ["account/main"]


def test_quotas_that_cannot_be_read_are_unverified(lab):
    refuse(lab, "/usages", status=403, code="AuthorizationFailed", message="The client may not see usages.")
    plan = lab.plan()
    assert standings(plan, "quota", "deployment/prod") == [Standing.UNVERIFIED]
    assert standings(plan, "quota", "account/main") == [Standing.UNVERIFIED]
    assert not plan.problems


@pytest.mark.parametrize("part", ["/usages", "/models", "/permissions"])
def test_an_answer_without_sense_stops_no_plan(lab, part, monkeypatch):
    from ftctl.clients.arm import Arm  # noqa: PLC0415  the SDK costs 150 ms
    from ftctl.clients.rest import Rest  # noqa: PLC0415  the same

    odd = [{"name": "odd", "model": "odd", "actions": 7, "dataActions": "odd"}]
    monkeypatch.setattr(Arm if part != "/permissions" else Rest, f"list_{part[1:]}", lambda *_: odd)
    plan = lab.plan()
    assert any(one.standing is Standing.UNVERIFIED for _, one in table(plan))


# --- names


def test_a_deleted_account_that_holds_the_name_is_in_the_table(lab):
    lab.apply()
    lab.destroy()
    assert standings(lab.plan(), "soft-deleted", "account/main") == [Standing.PASS]
    lab.spec["resources"]["main"]["onSoftDeleted"] = "fail"
    plan = lab.plan()
    assert standings(plan, "soft-deleted", "account/main") == [Standing.FAIL]
    assert [problem.code for problem in plan.problems] == ["FT3007"]
    lab.spec["resources"]["main"]["onSoftDeleted"] = "purge"
    plan = lab.plan()
    assert standings(plan, "soft-deleted", "account/main") == [Standing.WARN]
    assert "deletedAccounts/delete" in " ".join(one.what for one in found(plan, "permissions"))


@pytest.mark.parametrize("gone", [False, True], ids=["there", "deleted"])
def test_a_name_that_another_group_of_the_subscription_has_is_taken(lab, gone):
    lab.apply()
    if gone:
        lab.destroy()
    lab.spec["stack"] = "second"
    del lab.spec["roleAssignments"]["quota"]  # on the subscription, where it is the first stack's
    lab.spec["azure"]["resourceGroup"]["name"] = "rg-second"
    plan = lab.plan()
    assert [problem.code for problem in plan.problems] == ["FT3323"]
    assert standings(plan, "name", "account/main") == [Standing.FAIL, Standing.PASS]
    before = len(lab.writes())
    assert refused(lab.apply) == ["FT3323"]
    assert len(lab.writes()) == before


def test_whether_a_name_is_free_in_all_of_azure_is_said_not_to_be_known(lab):
    assert standings(lab.plan(), "name", "account/main") == [Standing.UNVERIFIED, Standing.PASS]
    lab.spec["resources"]["main"]["name"] = "aoai_tone"
    assert standings(lab.plan(), "name", "account/main") == [Standing.WARN, Standing.UNVERIFIED]


# --- models


def test_a_deployment_type_that_the_region_has_not_blocks_and_says_which_it_has(lab):
    lab.spec["deployments"]["prod"]["sku"] = "DataZoneStandard"
    plan = lab.plan()
    (problem,) = plan.problems
    assert problem.code == "FT3322"
    assert "gpt-4.1-mini-2025-04-14 cannot be served in swedencentral with sku DataZoneStandard" in problem.what
    assert problem.fix == "In swedencentral there is `sku: GlobalStandard`, `DeveloperTier`, `Standard`."
    assert standings(plan, "availability", "deployment/prod") == [Standing.FAIL]
    assert refused(lab.apply) == ["FT3322"]


def test_a_model_that_the_region_has_not_blocks(lab):
    lab.spec["deployments"]["base"] = {"model": {"name": "gpt-9", "version": "2030-01-01"}}
    (problem,) = lab.plan().problems
    assert (problem.code, problem.what.partition(" (")[0]) == ("FT3322", "swedencentral has no model gpt-9-2030-01-01")
    lab.spec["deployments"]["base"]["model"]["format"] = "Meta"
    plan = lab.plan()
    assert not plan.problems
    assert standings(plan, "availability", "deployment/base") == [Standing.UNVERIFIED]


def retiring(monkeypatch, day) -> None:
    """gpt-4.1-mini is served as trained until a day."""
    changed = [
        replace(one, skus=tuple(replace(sku, retires=day) for sku in one.skus)) if "mini" in one.name else one
        for one in catalog.MODELS
    ]
    monkeypatch.setattr(catalog, "MODELS", changed)


@pytest.mark.parametrize(
    ("days", "standing", "said"),
    [(-1, Standing.WARN, "was to end on"), (30, Standing.WARN, "until"), (300, Standing.PASS, "until")],
)
def test_the_last_day_of_serving_is_told(lab, monkeypatch, days, standing, said):
    day = lab.clock.now().date() + timedelta(days=days)
    retiring(monkeypatch, day)
    plan = lab.plan()
    (one,) = found(plan, "retirement", "deployment/prod")
    assert one.standing is standing
    assert said in one.what
    assert str(day) in one.what
    assert not plan.problems


def test_training_that_was_to_end_and_is_still_offered_is_no_pass(lab):
    (before,) = found(lab.plan(), "retirement", "job/tone")
    assert (before.standing, before.what[-19:]) == (Standing.PASS, " ends on 2026-10-14")
    lab.clock.advance(timedelta(days=100).total_seconds())
    assert standings(lab.plan(), "retirement", "job/tone") == [Standing.WARN]
    lab.clock.advance(timedelta(days=60).total_seconds())
    (one,) = found(lab.plan(), "retirement", "job/tone")
    assert one.standing is Standing.WARN
    assert one.what == (
        "training on gpt-4.1-mini-2025-04-14 was to end on 2026-10-14, and swedencentral still offers it"
    )


# --- data and what answers


def test_the_data_and_its_place_are_in_the_table(lab):
    lab.apply()
    new_data(lab)
    plan = lab.plan()
    (file,) = found(plan, "files", "dataset/train")
    assert (file.standing, file.what) == (Standing.PASS, "it is file 3 of 100 that the account takes")
    (data,) = found(plan, "data", "dataset/train")
    assert "13 examples" in data.what
    told = found(plan, "api")
    assert [one.what for one in told] == ["Azure Resource Manager answers", "the data plane of aoai-tone answers"]


def test_the_json_says_what_each_check_is_about_and_where(lab):
    from ftctl.render.json import plan_json  # noqa: PLC0415  for this test only

    rows = json.loads(json.dumps(plan_json(lab.plan())))["preflight"]
    assert {row["address"] for row in rows if row["check"] in {"credentials", "api", "permissions"}} == {None}
    assert all(row["scope"].startswith("/subscriptions/") for row in rows if row["check"] == "permissions")
    assert {row["standing"] for row in rows} == {"pass", "warn", "unverified"}


def test_an_apply_is_checked_anew_by_whoever_applies(lab):
    made = lab.plan()
    signed_in(lab, identity.FTCTL_READER)
    with pytest.raises(FtctlError) as stopped:
        lab.apply()
    assert stopped.value.exit is Exit.PERMISSION
    assert not [one for one in found(made, "permissions") if one.standing is Standing.FAIL]
