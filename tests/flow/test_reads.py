"""What a plan asks of Azure: only reads, never a key, no more than a reader may do, and few calls."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftctl.catalog.clouds import Identity
from ftctl.core.changes import Mode
from ftctl.core.errors import Exit, FtctlError
from ftctl.local import identity, roles
from ftctl.local.azure import Fault

from .conftest import examples
from .ending import failing

OPENAI_USER = "Cognitive Services OpenAI User"


def signed_in(lab, who: identity.Principal) -> None:
    secret = lab.azure.secrets.client_secrets[who.client_id]
    lab.cloud = replace(lab.cloud, identity=Identity(identity.TENANT_ID, who.client_id, secret))


def without_role(lab, who: identity.Principal, title: str) -> None:
    role = roles.named(title)
    for one in lab.stored("role_assignment"):
        given = one["properties"]
        if given["principalId"] == who.id and given["roleDefinitionId"].endswith(role.id):
            lab.azure.store.delete("role_assignment", one["id"])


def calls_of(lab, run) -> list:
    """What `run` asks of Azure, sign-in apart."""
    before = len(lab.azure.calls)
    run()
    return [call for call in list(lab.azure.calls)[before:] if not call.route.startswith("entra.")]


# --- situations that a plan may meet


def nothing_there(lab):
    pass


def everything_there(lab):
    lab.apply()


def soft_deleted(lab):
    lab.apply()
    lab.destroy()


def something_changed(lab):
    lab.apply()
    lab.data("train", examples(13))
    lab.spec["deployments"]["prod"]["sku"] = "Standard"
    lab.spec["deployments"]["base"] = {"model": {"name": "gpt-4.1-mini", "version": "2025-04-14"}}


def foreign(lab):
    lab.apply()
    for body in lab.stored("deployment"):
        lab.azure.store.put("deployment", body["id"], body | {"tags": {}}, parent=body["_account"])


def failed(lab):
    failing(lab)
    lab.apply()
    lab.azure.faults.clear()


def under_way(lab):
    lab.apply(wait=100.0)


def blind(lab):
    """The data plane refuses the one who plans."""
    lab.apply()
    lab.clock.advance(3600)
    refusal = Fault(status=401, code="PermissionDenied", message="The principal lacks the required data action.")
    lab.azure.faults.append(lambda request, route: refusal if route.plane == "data" else None)


def blind_while_granting(lab):
    lab.apply()
    refusal = Fault(status=401, code="PermissionDenied", message="The principal lacks the required data action.")
    lab.azure.faults.append(lambda request, route: refusal if route.plane == "data" else None)


def keys_allowed(lab):
    lab.spec["resources"]["main"]["localAuth"] = True
    lab.apply()


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    "situation",
    [
        nothing_there,
        everything_there,
        soft_deleted,
        something_changed,
        foreign,
        failed,
        under_way,
        blind,
        blind_while_granting,
        keys_allowed,
    ],
    ids=lambda situation: situation.__name__,
)
def test_a_plan_only_reads_and_never_a_key(lab, situation, mode):
    situation(lab)
    calls = calls_of(lab, lambda: lab.plan(mode))
    assert {call.method for call in calls} == {"GET"}
    assert not [call.path for call in calls if "key" in call.path.lower()]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    "situation",
    [nothing_there, everything_there, soft_deleted, something_changed, foreign, failed],
    ids=lambda situation: situation.__name__,
)
def test_a_reader_sees_the_plan_that_the_writer_would_carry_out(lab, situation, mode):
    situation(lab)
    writers = lab.plan(mode)
    signed_in(lab, identity.FTCTL_READER)
    readers = lab.plan(mode)
    assert readers.digest() == writers.digest()
    assert readers.problems == writers.problems
    assert readers.changes == writers.changes


def test_a_reader_cannot_apply(lab):
    signed_in(lab, identity.FTCTL_READER)
    before = len(lab.writes())
    with pytest.raises(FtctlError) as refused:
        lab.apply()
    assert refused.value.exit is Exit.PERMISSION
    assert {problem.code for problem in refused.value.problems} == {"FT3320"}
    assert len(lab.writes()) == before


@pytest.fixture
def a_while_ago(lab):
    """All is applied, and no role assignment is so new that a refusal might pass by itself."""
    lab.apply()
    lab.clock.advance(3600)
    return lab


def test_without_any_right_the_plan_is_refused_with_the_role_to_ask_for(a_while_ago):
    lab = a_while_ago
    signed_in(lab, identity.CI_PIPELINE)
    with pytest.raises(FtctlError) as refused:
        lab.plan()
    assert refused.value.exit is Exit.PERMISSION
    wanted = {
        problem.what.partition(" may not do ")[2].partition(" on ")[0]: problem for problem in refused.value.problems
    }
    problem = wanted["Microsoft.CognitiveServices/accounts/read"]
    assert "(Reader)" in problem.fix
    assert problem.correlation


def test_without_the_data_right_the_plan_says_which_role_gives_it(a_while_ago):
    lab = a_while_ago
    without_role(lab, identity.FTCTL_READER, OPENAI_USER)
    signed_in(lab, identity.FTCTL_READER)
    problems = lab.plan().problems
    assert FtctlError(*problems).exit is Exit.PERMISSION
    assert all(
        f"'{OPENAI_USER}'" in problem.fix or "'Cognitive Services OpenAI Contributor'" in problem.fix
        for problem in problems
    )
    assert any("files/read" in problem.what for problem in problems)


def test_an_owner_without_the_data_right_is_told_so_too(a_while_ago):
    """The control plane's Owner has no data action at all, which surprises everybody once."""
    lab = a_while_ago
    without_role(lab, identity.ML_ENGINEERS, "Cognitive Services OpenAI Contributor")
    del lab.spec["roleAssignments"]["engineers"]
    problems = lab.plan().problems
    assert FtctlError(*problems).exit is Exit.PERMISSION
    with pytest.raises(FtctlError) as refused:
        lab.apply()
    assert refused.value.exit is Exit.PERMISSION


# --- how many calls


def crowd(lab, *, files: int, jobs: int, deployments: int) -> None:
    """More of everything: copies under other ids, as if the stack had a long history."""
    store = lab.azure.store
    (account,) = lab.stored("account")
    file = next(one for one in lab.stored("file") if one["purpose"] == "fine-tune")
    (job,) = lab.stored("job")
    (deployment,) = lab.stored("deployment")
    for number in range(files):
        id_ = f"file-{number:032x}"
        name = file["filename"].replace(file["filename"][-70:-6], f"{number:064x}")
        store.put("file", id_, file | {"id": id_, "filename": name}, parent=account["id"])
    for number in range(jobs):
        id_ = f"ftjob-{number:032x}"
        suffix = job["suffix"][:-12] + f"{number:012x}"
        store.put("job", id_, job | {"id": id_, "suffix": suffix}, parent=job["_account"])
    for number in range(deployments):
        id_ = f"{account['id']}/deployments/more-{number}"
        tags = deployment["tags"] | {"ftctl-stack": "other"}
        store.put(
            "deployment", id_, deployment | {"id": id_, "name": f"more-{number}", "tags": tags}, parent=account["id"]
        )


def test_a_plan_makes_as_many_calls_however_much_there_is(lab):
    lab.apply()
    few = sorted(call.route for call in calls_of(lab, lab.plan))
    crowd(lab, files=30, jobs=30, deployments=20)
    many = sorted(call.route for call in calls_of(lab, lab.plan))
    assert many == few
    assert len(few) <= 9
    assert lab.plan().empty


def test_a_plan_reads_everything_page_by_page_where_there_is_very_much(lab):
    lab.apply()
    few = calls_of(lab, lab.plan)
    crowd(lab, files=0, jobs=230, deployments=0)
    lab.azure.store.put(
        "job", "ftjob-oldest", {**lab.stored("job")[0], "id": "ftjob-oldest"}, parent=lab.stored("job")[0]["_account"]
    )
    many = calls_of(lab, lab.plan)
    assert len(many) == len(few) + 2
    assert lab.plan().empty
